/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/osv.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "vendor/advisory/links.h"
#include "wire/json/document.h"

#define SCHEMA_VERSION "1.7.4"

bool osv_commit_parse(const char *address, OsvCommit *ret_commit)
{
	static const char *const marks[] = {"/-/commit/", "/commit/", "/+/"};
	const char *id = strrchr(address, '/');
	size_t length = id ? strlen(id + 1) : 0;

	if ((length != 40 && length != 64) || !text_consists_of(id + 1, TEXT_DIGITS "abcdef"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		size_t before = (size_t)(id + 1 - address);

		if (before <= strlen(marks[i]))
			continue;
		before -= strlen(marks[i]);
		if (strncmp(address + before, marks[i], strlen(marks[i])) != 0)
			continue;
		*ret_commit = (OsvCommit){before, id + 1};
		return true;
	}
	return false;
}

bool osv_applies(const Advisory *advisory)
{
	OsvCommit commit;

	for (size_t i = 0; i < advisory->fixes->fixes.count; i++) {
		const Fix *fix = &advisory->fixes->fixes.items[i];

		for (size_t j = 0; j < fix->references.count; j++)
			if (osv_commit_parse(fix->references.items[j], &commit) &&
				advisory_is_released(advisory, fix))
				return true;
	}
	return false;
}

/* A range says nothing of where the flaw came in: "0" is how OSV spells that. */
static int add_range(json_t *affected, const char *address)
{
	OsvCommit commit;
	_cleanup_free_ char *repository = NULL;

	if (!osv_commit_parse(address, &commit))
		return 0;
	repository = memory_string_n(address, commit.repository);
	return json_array_append_new(affected,
		json_pack("{s:[{s:s, s:s, s:[{s:s}, {s:s}]}]}", "ranges", "type", "GIT", "repo",
			repository, "events", "introduced", "0", "fixed", commit.id));
}

static int add_reference(json_t *references, const char *address)
{
	_cleanup_free_ char *safe = vendor_address(address);
	OsvCommit commit;

	return json_array_append_new(references,
		json_pack("{s:s, s:s}", "type", osv_commit_parse(address, &commit) ? "FIX" : "WEB",
			"url", safe));
}

static int add_fix(json_t *osv, const Fix *fix)
{
	int r = 0;

	if (fix->credit)
		r = json_array_append_new(
			json_object_get(osv, "credits"), json_pack("{s:s}", "name", fix->credit));
	for (size_t i = 0; r == 0 && i < fix->references.count; i++) {
		r = add_range(json_object_get(osv, "affected"), fix->references.items[i]);
		if (r == 0)
			r = add_reference(
				json_object_get(osv, "references"), fix->references.items[i]);
	}
	return r;
}

static int add_fixes(json_t *osv, const Advisory *advisory)
{
	json_t *upstream = json_object_get(osv, "upstream");
	int r = 0;

	for (size_t i = 0; r == 0 && i < advisory->fixes->fixes.count; i++) {
		const Fix *fix = &advisory->fixes->fixes.items[i];

		if (text_starts_with(fix->cve, "CVE-") && advisory_is_first_of_cve(advisory, i))
			r = json_array_append_new(upstream, json_string(fix->cve));
		if (r == 0 && advisory_is_released(advisory, fix))
			r = add_fix(osv, fix);
	}
	return r;
}

static char *details(const Advisory *advisory)
{
	Buffer text = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < advisory->fixes->fixes.count; i++) {
		const Fix *fix = &advisory->fixes->fixes.items[i];

		if (advisory_is_released(advisory, fix))
			r = buffer_printf(&text, "%s%s (%s): %s %s", text.size > 0 ? "\n\n" : "",
				fix->cve, fix->component, fix->impact, fix->description);
	}
	if (r < 0)
		buffer_done(&text);
	return (char *)text.data;
}

json_t *osv_document(const Advisory *advisory, const char *name, const Vendor *vendor)
{
	_cleanup_free_ char *page = links_page(vendor, name);
	_cleanup_free_ char *id = memory_printf("x_%s", name);
	_cleanup_free_ char *text = details(advisory);
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	_cleanup_json_ json_t *osv = NULL;

	time_format(advisory_first_date(advisory), first);
	time_format(advisory_last_date(advisory), last);
	osv = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:[], s:[], s:[{s:s, s:s}]}",
		"schema_version", SCHEMA_VERSION, "id", id, "published", first, "modified", last,
		"summary", advisory->fixes->title, "details", text, "upstream", "affected",
		"credits", "references", "type", "ADVISORY", "url", page);
	if (!osv || add_fixes(osv, advisory) < 0 ||
		(!osv_applies(advisory) &&
			json_object_set_new(osv, "withdrawn", json_string(last)) < 0))
		return NULL;
	return TAKE_PTR(osv);
}
