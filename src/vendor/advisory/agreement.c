/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/agreement.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "vendor/advisory/links.h"
#include "vendor/advisory/markup.h"
#include "vendor/advisory/osv.h"
#include "wire/json/document.h"

typedef struct Agreement {
	const AgreementForms *forms;
	json_t *promises;
	json_t *purls;  /* product id of the CSAF document → purl */
	json_t *status; /* "fixed CVE purl" and "affected CVE purl", as CSAF has it */
	bool has_commit;
	const char *file; /* that is looked at: its suffix */
	Reason *reason;
} Agreement;

/* -- words -- */

static int expect(
	const Agreement *agreement, const char *what, const char *found, const char *wanted)
{
	return strcmp(found, wanted) == 0
		? 0
		: reason_set(agreement->reason, -EBADMSG,
			  "%s%s: %s is \"%s\", and should be \"%s\"", agreement->forms->name,
			  agreement->file, what, found, wanted);
}

/* The same as the feed's entry has it. */
static int expect_told(
	const Agreement *agreement, const char *what, const char *found, const char *member)
{
	return expect(agreement, what, found, document_text(agreement->forms->told, member));
}

static int expect_revision(const Agreement *agreement, const char *what, json_int_t found)
{
	json_int_t wanted = document_number(agreement->forms->told, "revision");

	return found == wanted ? 0
			       : reason_set(agreement->reason, -EBADMSG,
					 "%s%s: %s is %lld, and the feed's revision is %lld",
					 agreement->forms->name, agreement->file, what,
					 (long long)found, (long long)wanted);
}

static int expect_dates(
	const Agreement *agreement, const json_t *json, const char *first, const char *last)
{
	int r = expect_told(agreement, first, document_text(json, first), "released");

	return r < 0 ? r : expect_told(agreement, last, document_text(json, last), "updated");
}

/* -- CSAF -- */

static const char *name_of(const json_t *vulnerability)
{
	const char *cve = document_text(vulnerability, "cve");

	return cve[0]
		? cve
		: document_text(json_array_get(json_object_get(vulnerability, "ids"), 0), "text");
}

/* Parsing has bounded the depth. */
static int collect_purls(json_t *purls, const json_t *branches)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(branches); i++) {
		const json_t *branch = json_array_get(branches, i);
		const json_t *product = json_object_get(branch, "product");

		if (product)
			r = json_object_set_new(purls, document_text(product, "product_id"),
				json_string(document_text(
					json_object_get(product, "product_identification_helper"),
					"purl")));
		if (r == 0)
			r = collect_purls(purls, json_object_get(branch, "branches"));
	}
	return r < 0 ? -ENOMEM : 0;
}

static int add_word(
	json_t *set, const char *status, const char *cve, const char *product, const char *value)
{
	_cleanup_free_ char *key =
		memory_printf("%s%s%s %s", status, status[0] ? " " : "", cve, product);

	return key && json_object_set_new(set, key, json_string(value)) == 0 ? 0 : -ENOMEM;
}

static int add_promise(const Agreement *agreement, const char *cve, const char *product)
{
	return add_word(
		agreement->promises, "", product, cve, document_text(agreement->forms->told, "id"));
}

static int collect_status(const Agreement *agreement, const json_t *vulnerability,
	const char *member, const char *status)
{
	const json_t *list =
		json_object_get(json_object_get(vulnerability, "product_status"), member);
	const char *cve = name_of(vulnerability);
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const char *product = json_string_value(json_array_get(list, i));
		const char *purl = product ? document_text(agreement->purls, product) : "";

		if (!purl[0])
			return reason_set(agreement->reason, -EBADMSG,
				"%s%s: %s is said of a product that is not in its tree",
				agreement->forms->name, agreement->file, cve);
		r = add_word(agreement->status, status, cve, purl, "");
		if (r == 0 && strcmp(status, "fixed") == 0)
			r = add_promise(agreement, cve, product);
	}
	return r;
}

static void look_for_commits(Agreement *agreement, const json_t *vulnerability)
{
	const json_t *references = json_object_get(vulnerability, "references");
	OsvCommit commit;

	for (size_t i = 0; i < json_array_size(references); i++)
		agreement->has_commit |= osv_commit_parse(
			document_text(json_array_get(references, i), "url"), &commit);
}

static int check_vulnerabilities(Agreement *agreement)
{
	const json_t *list = json_object_get(agreement->forms->csaf, "vulnerabilities");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *vulnerability = json_array_get(list, i);

		if (name_of(vulnerability)[0] == '\0')
			return reason_set(agreement->reason, -EBADMSG,
				"%s%s: a vulnerability has no name", agreement->forms->name,
				agreement->file);
		look_for_commits(agreement, vulnerability);
		r = collect_status(agreement, vulnerability, "fixed", "fixed");
		if (r == 0)
			r = collect_status(agreement, vulnerability, "known_affected", "affected");
	}
	return r;
}

static int check_history(const Agreement *agreement, const json_t *tracking)
{
	const json_t *history = json_object_get(tracking, "revision_history");
	size_t count = json_array_size(history);
	const json_t *last = count > 0 ? json_array_get(history, count - 1) : NULL;
	_cleanup_free_ char *number = memory_printf("%zu", count);
	int r = number ? expect_revision(agreement, "the number of revisions", (json_int_t)count)
		       : -ENOMEM;

	if (r == 0)
		r = expect(agreement, "version", document_text(tracking, "version"), number);
	return r < 0 ? r
		     : expect_told(agreement, "the date of the last revision",
			       document_text(last, "date"), "updated");
}

static int check_csaf(Agreement *agreement)
{
	const json_t *csaf = agreement->forms->csaf, *document = json_object_get(csaf, "document");
	const json_t *tracking = json_object_get(document, "tracking");
	int r = expect_told(agreement, "tracking.id", document_text(tracking, "id"), "id");

	if (r == 0)
		r = expect_told(agreement, "title", document_text(document, "title"), "title");
	if (r == 0)
		r = expect_told(agreement, "aggregate_severity",
			document_text(json_object_get(document, "aggregate_severity"), "text"),
			"urgency");
	if (r == 0)
		r = expect_dates(
			agreement, tracking, "initial_release_date", "current_release_date");
	if (r == 0)
		r = check_history(agreement, tracking);
	if (r == 0)
		r = collect_purls(agreement->purls,
			json_object_get(json_object_get(csaf, "product_tree"), "branches"));
	return r < 0 ? r : check_vulnerabilities(agreement);
}

/* -- OpenVEX -- */

static int collect_statement(json_t *status, const json_t *statement)
{
	const char *cve = document_text(json_object_get(statement, "vulnerability"), "name");
	const json_t *products = json_object_get(statement, "products");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(products); i++)
		r = add_word(status, document_text(statement, "status"), cve,
			document_text(json_array_get(products, i), "@id"), "");
	return r;
}

static int refuse_missing(const Agreement *agreement, const json_t *in, json_t *of, const char *how)
{
	const char *key;
	json_t *unused;

	json_object_foreach(of, key, unused)
	{
		if (!json_object_get(in, key))
			return reason_set(agreement->reason, -EBADMSG, "%s%s %s \"%s\"",
				agreement->forms->name, agreement->file, how, key);
	}
	return 0;
}

static int check_openvex(const Agreement *agreement)
{
	const json_t *openvex = agreement->forms->openvex;
	const json_t *statements = json_object_get(openvex, "statements");
	_cleanup_json_ json_t *status = json_object();
	int r = status ? expect_dates(agreement, openvex, "timestamp", "last_updated") : -ENOMEM;

	if (r == 0)
		r = expect_revision(agreement, "version", document_number(openvex, "version"));
	for (size_t i = 0; r == 0 && i < json_array_size(statements); i++)
		r = collect_statement(status, json_array_get(statements, i));
	if (r == 0)
		r = refuse_missing(agreement, status, agreement->status, "lacks what CSAF says:");
	return r < 0
		? r
		: refuse_missing(agreement, agreement->status, status, "says what CSAF does not:");
}

/* -- OSV -- */

static bool is_in(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)) ?: "", text) == 0)
			return true;
	return false;
}

static int check_upstream(const Agreement *agreement)
{
	const json_t *list = json_object_get(agreement->forms->csaf, "vulnerabilities");
	const json_t *upstream = json_object_get(agreement->forms->osv, "upstream");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *cve = name_of(json_array_get(list, i));

		if (!text_starts_with(cve, "CVE-"))
			continue;
		count++;
		if (!is_in(upstream, cve))
			return reason_set(agreement->reason, -EBADMSG, "%s%s lacks %s",
				agreement->forms->name, agreement->file, cve);
	}
	return count == json_array_size(upstream)
		? 0
		: reason_set(agreement->reason, -EBADMSG, "%s%s has CVEs that CSAF has not",
			  agreement->forms->name, agreement->file);
}

static int check_osv(const Agreement *agreement)
{
	const json_t *osv = agreement->forms->osv;
	bool withdrawn = json_object_get(osv, "withdrawn");
	int r;

	if (!osv && !agreement->has_commit)
		return 0;
	if (!osv || withdrawn == agreement->has_commit)
		return reason_set(agreement->reason, -EBADMSG,
			"%s%s %s, while the commits in CSAF %s it", agreement->forms->name,
			agreement->file, osv && !withdrawn ? "is there" : "is missing or withdrawn",
			agreement->has_commit ? "need" : "do not need");
	r = expect_dates(agreement, osv, "published", "modified");
	if (r == 0)
		r = expect_told(agreement, "summary", document_text(osv, "summary"), "title");
	return r < 0 ? r : check_upstream(agreement);
}

/* -- texts -- */

static int expect_part(const Agreement *agreement, const char *text, const char *part)
{
	return strstr(text, part) ? 0
				  : reason_set(agreement->reason, -EBADMSG, "%s%s does not say %s",
					    agreement->forms->name, agreement->file, part);
}

static int expect_names(const Agreement *agreement, const char *text)
{
	const json_t *list = json_object_get(agreement->forms->csaf, "vulnerabilities");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = expect_part(agreement, text, name_of(json_array_get(list, i)));
	return r;
}

static int check_page(const Agreement *agreement)
{
	static const char *const words[] = {"id", "title"},
				 *const dates[] = {"released", "updated"};
	const char *page = agreement->forms->page;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(words); i++) {
		_cleanup_buffer_ Buffer escaped = {};
		Markup markup = {.buffer = &escaped};

		markup_text(&markup, document_text(agreement->forms->told, words[i]));
		markup_raw(&markup, "");
		r = markup.error < 0 ? markup.error
				     : expect_part(agreement, page, (const char *)escaped.data);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dates); i++) {
		_cleanup_free_ char *date = memory_printf(
			"datetime=\"%s\"", document_text(agreement->forms->told, dates[i]));

		r = date ? expect_part(agreement, page, date) : -ENOMEM;
	}
	return r < 0 ? r : expect_names(agreement, page);
}

static int check_mail(const Agreement *agreement)
{
	_cleanup_buffer_ Buffer head = {};
	int r = markup_plain(&head, document_text(agreement->forms->told, "id"));

	if (r == 0)
		r = buffer_text(&head, ": ");
	if (r == 0)
		r = markup_plain(&head, document_text(agreement->forms->told, "title"));
	if (r == 0)
		r = expect_part(agreement, agreement->forms->mail, (const char *)head.data);
	return r < 0 ? r : expect_names(agreement, agreement->forms->mail);
}

int agreement_check(const AgreementForms *forms, json_t *promises, Reason *reterr_reason)
{
	_cleanup_json_ json_t *purls = json_object(), *status = json_object();
	Agreement agreement = {.forms = forms,
		.promises = promises,
		.purls = purls,
		.status = status,
		.file = ".json",
		.reason = reterr_reason};
	int r = purls && status ? check_csaf(&agreement) : -ENOMEM;

	agreement.file = ".openvex.json";
	if (r == 0)
		r = check_openvex(&agreement);
	agreement.file = ".osv.json";
	if (r == 0)
		r = check_osv(&agreement);
	agreement.file = ".html";
	if (r == 0)
		r = check_page(&agreement);
	agreement.file = ".txt";
	return r < 0 ? r : check_mail(&agreement);
}
