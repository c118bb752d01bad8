/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/openvex.h"

#include "base/memory.h"
#include "base/time.h"
#include "vendor/advisory/links.h"
#include "vendor/advisory/remedy.h"
#include "wire/improvement/purl.h"
#include "wire/json/document.h"

static json_t *product(const char *id, const char *base, const char *version, uint64_t sequence)
{
	_cleanup_free_ char *purl = purl_of_base(id, base, version, sequence);

	return json_pack("{s:s, s:{s:s}}", "@id", purl, "identifiers", "purl", purl);
}

static json_t *statement(const char *cve, const char *status, json_t *products)
{
	return json_pack("{s:{s:s}, s:s, s:o}", "vulnerability", "name", cve, "status", status,
		"products", products);
}

static json_t *fixed_products(const Advisory *advisory, const char *cve)
{
	_cleanup_json_ json_t *list = json_array();
	int r = list ? 0 : -1;

	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (advisory_release_has_cve(release, cve))
			r = json_array_append_new(list,
				product(release->product, release->base, release->version,
					release->sequence));
	}
	for (size_t i = 0; r == 0 && i < advisory->includes.count; i++) {
		const AdvisoryInclusion *newer = &advisory->includes.items[i];

		if (advisory_is_first_inclusion(advisory, i) &&
			advisory_includes_cve(advisory, newer, cve))
			r = json_array_append_new(
				list, product(newer->product, newer->base, newer->version, 0));
	}
	return r < 0 ? NULL : TAKE_PTR(list);
}

/* One statement for each base: what to do differs. */
static int add_affected(
	json_t *statements, const Advisory *advisory, size_t release, const char *cve)
{
	const AdvisoryRelease *of = &advisory->releases.items[release];
	_cleanup_free_ char *text = remedy_text(advisory, of, cve);
	json_t *affected;

	if (!remedy_is_first_of_base(advisory, release, cve))
		return 0;
	affected = statement(
		cve, "affected", json_pack("[o]", product(of->product, of->base, of->version, 0)));
	if (!affected || !text ||
		json_object_set_new(affected, "action_statement", json_string(text)) < 0) {
		json_decref(affected);
		return -1;
	}
	return json_array_append_new(statements, affected);
}

static int add_cve(json_t *statements, const Advisory *advisory, const char *cve)
{
	int r = json_array_append_new(
		statements, statement(cve, "fixed", fixed_products(advisory, cve)));

	for (size_t i = 0; r == 0 && i < advisory->releases.count; i++)
		r = add_affected(statements, advisory, i, cve);
	return r;
}

json_t *openvex_document(const Advisory *advisory, const char *name, const Vendor *vendor)
{
	_cleanup_free_ char *id =
		memory_printf("%s" LINKS_ADVISORIES "%s.openvex.json", vendor->url, name);
	_cleanup_json_ json_t *statements = json_array();
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	int r = statements ? 0 : -1;

	time_format(advisory_first_date(advisory), first);
	time_format(advisory_last_date(advisory), last);
	for (size_t i = 0; r == 0 && i < advisory->fixes->fixes.count; i++)
		if (advisory_is_first_of_cve(advisory, i))
			r = add_cve(statements, advisory, advisory->fixes->fixes.items[i].cve);
	if (r < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:O}", "@context",
		"https://openvex.dev/ns/v0.2.0", "@id", id, "author", vendor->name, "role",
		"Vendor", "timestamp", first, "last_updated", last, "version",
		(json_int_t)advisory->revisions.count, "statements", statements);
}
