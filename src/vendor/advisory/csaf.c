/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/csaf.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "vendor/advisory/csaf-products.h"
#include "wire/improvement/cvss.h"
#include "vendor/advisory/links.h"
#include "vendor/advisory/remedy.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

json_t *csaf_publisher(const Vendor *vendor)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "category", "vendor", "contact_details",
		vendor->contact, "name", vendor->name, "namespace", vendor->namespace);
}

static json_t *revisions(const Advisory *advisory)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; list && i < advisory->revisions.count; i++) {
		const AdvisoryRevision *revision = &advisory->revisions.items[i];
		char date[TIME_TEXT_SIZE];

		time_format(revision->date, date);
		if (json_array_append_new(list,
			    json_pack("{s:s, s:o, s:s}", "date", date, "number",
				    json_sprintf("%zu", i + 1), "summary", revision->summary)) < 0)
			return NULL;
	}
	return TAKE_PTR(list);
}

static json_t *tracking(const Advisory *advisory)
{
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];

	time_format(advisory_first_date(advisory), first);
	time_format(advisory_last_date(advisory), last);
	return json_pack("{s:s, s:{s:s, s:{s:s}}, s:s, s:s, s:o, s:s, s:o}", "current_release_date",
		last, "generator", "date", last, "engine", "name", "suture-publish", "id",
		advisory->fixes->id, "initial_release_date", first, "revision_history",
		revisions(advisory), "status", "final", "version",
		json_sprintf("%zu", advisory->revisions.count));
}

static json_t *document(const Advisory *advisory, const char *name, const Vendor *vendor)
{
	_cleanup_free_ char *self = links_csaf(vendor, advisory, name);
	_cleanup_free_ char *page = links_page(vendor, name);

	return json_pack("{s:{s:s}, s:s, s:s, s:{s:{s:s, s:s}}, s:s, s:[{s:s, s:s, s:s}], s:o,"
			 " s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}], s:s, s:o}",
		"aggregate_severity", "text", urgency_names[advisory->fixes->urgency], "category",
		"csaf_security_advisory", "csaf_version", "2.0", "distribution", "tlp", "label",
		"WHITE", "url", "https://www.first.org/tlp/", "lang", vendor->language, "notes",
		"category", "summary", "text", advisory->fixes->title, "title", "Summary",
		"publisher", csaf_publisher(vendor), "references", "category", "self", "summary",
		"This advisory", "url", self, "category", "self", "summary",
		"This advisory as a page", "url", page, "title", advisory->fixes->title, "tracking",
		tracking(advisory));
}

/* -- a vulnerability -- */

static bool is_of(const Advisory *advisory, const Fix *fix, const char *cve)
{
	return strcmp(fix->cve, cve) == 0 && advisory_is_released(advisory, fix);
}

static json_t *note(const char *category, const char *title, const Fix *fix, const char *text)
{
	return json_pack("{s:s, s:s, s:o}", "category", category, "text", text, "title",
		json_sprintf("%s (%s)", title, fix->component));
}

static int describe(json_t *vulnerability, const Fix *fix)
{
	json_t *notes = json_object_get(vulnerability, "notes");
	int r = json_array_append_new(notes, note("description", "Impact", fix, fix->impact));

	if (r == 0)
		r = json_array_append_new(
			notes, note("details", "Description", fix, fix->description));
	if (r == 0 && fix->credit)
		r = json_array_append_new(json_object_get(vulnerability, "acknowledgments"),
			json_pack("{s:[s]}", "names", fix->credit));
	for (size_t i = 0; r == 0 && i < fix->references.count; i++) {
		_cleanup_free_ char *address = vendor_address(fix->references.items[i]);

		r = json_array_append_new(json_object_get(vulnerability, "references"),
			json_pack("{s:s, s:s, s:s}", "category", "external", "summary",
				fix->references.items[i], "url", address));
	}
	return r;
}

static int add_status(json_t *status, const Advisory *advisory, const char *cve)
{
	json_t *affected = json_object_get(status, "known_affected");
	json_t *fixed = json_object_get(status, "fixed");
	int r = 0;

	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (remedy_is_first_of_base(advisory, i, cve))
			r = json_array_append_new(affected, csaf_base_id(release));
		if (r == 0 && advisory_release_has_cve(release, cve))
			r = json_array_append_new(fixed, csaf_release_id(release));
	}
	for (size_t i = 0; r == 0 && i < advisory->includes.count; i++)
		if (advisory_is_first_inclusion(advisory, i) &&
			advisory_includes_cve(advisory, &advisory->includes.items[i], cve))
			r = json_array_append_new(
				fixed, csaf_inclusion_id(&advisory->includes.items[i]));
	return r;
}

/* A soft reboot starts all of user space anew, and sessions are everything that uses the part. */
static const char *const restart_categories[] = {
	"none", "service", "dependencies", "machine", "machine"};

static int add_remediation(json_t *list, const Advisory *advisory, const AdvisoryRelease *of,
	const char *cve, const char *page)
{
	const AdvisoryRelease *release = advisory_remedy(advisory, of, cve, NULL);
	_cleanup_free_ char *text = remedy_text(advisory, of, cve);
	json_t *remediation = json_pack("{s:s, s:s, s:[o], s:s}", "category",
		remedy_exists(advisory, of, cve) ? "vendor_fix" : "none_available", "details", text,
		"product_ids", csaf_base_id(of), "url", page);

	if (remediation && release &&
		json_object_set_new(remediation, "restart_required",
			json_pack("{s:s}", "category", restart_categories[release->restart])) < 0)
		return -1;
	return json_array_append_new(list, remediation);
}

static int add_remediations(
	json_t *list, const Advisory *advisory, const char *cve, const char *page)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++)
		if (remedy_is_first_of_base(advisory, i, cve))
			r = add_remediation(
				list, advisory, &advisory->releases.items[i], cve, page);
	return r;
}

static int add_threat(json_t *vulnerability)
{
	return json_object_set_new(vulnerability, "threats",
		json_pack("[{s:s, s:s}]", "category", "exploit_status", "details",
			"This is known to have been used in attacks."));
}

static const char *vector_of(const Advisory *advisory, const char *cve)
{
	for (size_t i = 0; i < advisory->fixes->fixes.count; i++) {
		const Fix *fix = &advisory->fixes->fixes.items[i];

		if (is_of(advisory, fix, cve) && fix->cvss)
			return fix->cvss;
	}
	return NULL;
}

/* Of the bases; the status is complete. */
static int add_score(json_t *vulnerability, const Advisory *advisory, const char *cve)
{
	const char *vector = vector_of(advisory, cve);
	json_t *status = json_object_get(vulnerability, "product_status");
	unsigned score;

	if (!vector)
		return 0;
	score = cvss_score(vector);
	return json_object_set_new(vulnerability, "scores",
		json_pack("[{s:{s:f, s:s, s:s, s:s}, s:O}]", "cvss_v3", "baseScore", score / 10.0,
			"baseSeverity", cvss_severity(score), "vectorString", vector, "version",
			"3.1", "products", json_object_get(status, "known_affected")));
}

/* What is no CVE is the vendor's own id. */
static int add_id(json_t *vulnerability, const char *cve, const Vendor *vendor)
{
	if (text_starts_with(cve, "CVE-"))
		return json_object_set_new(vulnerability, "cve", json_string(cve));
	return json_object_set_new(vulnerability, "ids",
		json_pack("[{s:s, s:s}]", "system_name", vendor->name, "text", cve));
}

/* CSAF has no empty lists. */
static void drop_empty(json_t *object)
{
	static const char *const lists[] = {"acknowledgments", "references"};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (json_array_size(json_object_get(object, lists[i])) == 0)
			json_object_del(object, lists[i]);
}

static json_t *vulnerability(
	const Advisory *advisory, const char *cve, const char *name, const Vendor *vendor)
{
	_cleanup_free_ char *page = links_page(vendor, name);
	_cleanup_json_ json_t *json =
		json_pack("{s:[], s:[], s:[], s:[], s:{s:[], s:[]}}", "acknowledgments", "notes",
			"references", "remediations", "product_status", "fixed", "known_affected");
	bool exploited = false;
	int r = json && page ? add_id(json, cve, vendor) : -1;

	for (size_t i = 0; r == 0 && i < advisory->fixes->fixes.count; i++) {
		const Fix *fix = &advisory->fixes->fixes.items[i];

		if (!is_of(advisory, fix, cve))
			continue;
		exploited |= fix->exploited;
		r = describe(json, fix);
	}
	if (r == 0 && exploited)
		r = add_threat(json);
	if (r == 0)
		r = add_status(json_object_get(json, "product_status"), advisory, cve);
	if (r == 0)
		r = add_score(json, advisory, cve);
	if (r == 0)
		r = add_remediations(json_object_get(json, "remediations"), advisory, cve, page);
	if (r < 0)
		return NULL;
	drop_empty(json);
	return TAKE_PTR(json);
}

json_t *csaf_document(const Advisory *advisory, const char *name, const Vendor *vendor)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; list && i < advisory->fixes->fixes.count; i++)
		if (advisory_is_first_of_cve(advisory, i) &&
			json_array_append_new(list,
				vulnerability(advisory, advisory->fixes->fixes.items[i].cve, name,
					vendor)) < 0)
			return NULL;
	return list ? json_pack("{s:o, s:o, s:O}", "document", document(advisory, name, vendor),
			      "product_tree", csaf_product_tree(advisory, vendor),
			      "vulnerabilities", list)
		    : NULL;
}
