/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mirror and a check read that nobody signed: an object whose members are the forms of an
 * advisory: "feed", "told", "csaf", "openvex", "osv", "page", "mail". What the feed lists is a list
 * of files that may be there, and is read again as it was.
 */
#include <string.h>

#include "vendor/advisory/agreement.h"
#include "vendor/advisory/feed-files.h"
#include "vendor/advisory/lacks.h"
#include "wire/json/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_files(const json_t *feed)
{
	_cleanup_feed_files_ FeedFiles files = {}, again = {};
	_cleanup_json_ json_t *second = NULL;
	Reason reason = {};

	if (feed_files_read(feed, &files, &reason) < 0)
		return;
	for (size_t i = 0; i < files.count; i++)
		if (!feed_is_path(files.items[i].path) || files.items[i].size > FEED_FILE_SIZE_MAX)
			abort();
	feed_files_sort(&files);
	second = json_pack("{s:o}", "files", feed_files_json(&files));
	if (feed_files_read(second, &again, &reason) < 0 || again.count != files.count)
		abort();
	for (size_t i = 0; i < files.count; i++)
		if (strcmp(files.items[i].path, again.items[i].path) != 0 ||
			!digest_equal(&files.items[i].sha256, &again.items[i].sha256))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *json = NULL, *feed = NULL, *promises = json_object();
	AgreementForms forms = {.name = "x"};
	Reason reason = {};

	if (feed_parse(data, size, &feed, &reason) == 0)
		read_files(feed);
	if (document_parse(data, size, &json, &reason) < 0)
		return 0;
	read_files(json_object_get(json, "feed"));
	(void)lacks_check(json_object_get(json, LACKS), &reason);
	(void)lacks_cve(json_object_get(json, LACKS), "CVE-2026-1");
	forms.feed = json_object_get(json, "feed");
	forms.told = json_object_get(json, "told");
	forms.csaf = json_object_get(json, "csaf");
	forms.openvex = json_object_get(json, "openvex");
	forms.osv = json_object_get(json, "osv");
	forms.page = document_text(json, "page");
	forms.mail = document_text(json, "mail");
	(void)agreement_check(&forms, promises, &reason);
	return 0;
}
