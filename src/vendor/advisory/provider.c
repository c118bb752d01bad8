/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/time.h"
#include "vendor/advisory/csaf.h"
#include "vendor/advisory/links.h"
#include "wire/json/document.h"

#define SECONDS_PER_DAY 86400
#define METADATA_FILE   LINKS_CSAF "provider-metadata.json"

static int64_t last_updated(const AdvisoryList *list, int64_t now)
{
	int64_t last = 0;

	for (size_t i = 0; i < list->count; i++) {
		const Advisory *advisory = &list->items[i].advisory;

		if (advisory_is_public(advisory, now) && advisory_last_date(advisory) > last)
			last = advisory_last_date(advisory);
	}
	return last;
}

/* While there is no document: when that was said first. */
static int64_t previous_update(const json_t *previous, int64_t now)
{
	int64_t updated;

	return time_parse(document_text(previous, "last_updated"), &updated) == 0 && updated > 0
		? updated
		: now;
}

json_t *provider_metadata(
	const AdvisoryList *list, const Vendor *vendor, const json_t *previous, int64_t now)
{
	int64_t last = last_updated(list, now);
	_cleanup_free_ char *self = memory_printf("%s" METADATA_FILE, vendor->url);
	_cleanup_free_ char *folder = memory_printf("%s" LINKS_CSAF_WHITE, vendor->url);
	char updated[TIME_TEXT_SIZE];

	time_format(last > 0 ? last : previous_update(previous, now), updated);
	return json_pack("{s:s, s:[{s:s}], s:s, s:b, s:s, s:b, s:o, s:s}", "canonical_url", self,
		"distributions", "directory_url", folder, "last_updated", updated,
		"list_on_CSAF_aggregators", 1, "metadata_version", "2.0",
		"mirror_on_CSAF_aggregators", 1, "publisher", csaf_publisher(vendor), "role",
		"csaf_provider");
}

int provider_index(const AdvisoryList *list, int64_t now, Buffer *ret_text)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		const AdvisoryEntry *entry = &list->items[i];
		_cleanup_free_ char *file = NULL;

		if (!advisory_is_public(&entry->advisory, now))
			continue;
		file = links_csaf_file(&entry->advisory, entry->name);
		r = file ? buffer_printf(ret_text, "%s\n", file) : -ENOMEM;
	}
	return r < 0 ? r : buffer_text(ret_text, "");
}

static int by_change(const void *a, const void *b)
{
	const AdvisoryEntry *left = *(const AdvisoryEntry *const *)a;
	const AdvisoryEntry *right = *(const AdvisoryEntry *const *)b;
	int64_t l = advisory_last_date(&left->advisory), r = advisory_last_date(&right->advisory);

	return l != r ? (l < r ? 1 : -1) : strcmp(right->name, left->name);
}

/* RFC 4180, and newest first, as CSAF wants it. */
static int put_change(const AdvisoryEntry *entry, Buffer *text)
{
	_cleanup_free_ char *file = links_csaf_file(&entry->advisory, entry->name);
	char date[TIME_TEXT_SIZE];

	time_format(advisory_last_date(&entry->advisory), date);
	return file ? buffer_printf(text, "\"%s\",\"%s\"\r\n", file, date) : -ENOMEM;
}

int provider_changes(const AdvisoryList *list, int64_t now, Buffer *ret_text)
{
	_cleanup_free_ const AdvisoryEntry **sorted =
		memory_new_array(list->count, sizeof(*sorted));
	int r = sorted ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < list->count; i++)
		sorted[i] = &list->items[i];
	if (r == 0 && list->count > 0)
		qsort(sorted, list->count, sizeof(*sorted), by_change);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		if (advisory_is_public(&sorted[i]->advisory, now))
			r = put_change(sorted[i], ret_text);
	return r < 0 ? r : buffer_text(ret_text, "");
}

int64_t provider_expiry(const char *security_txt)
{
	static const char member[] = "\nExpires: ";
	const char *at = security_txt ? strstr(security_txt, member) : NULL;
	char text[TIME_TEXT_SIZE] = "";
	int64_t seconds;

	if (at)
		strncat(text, at + strlen(member), TIME_TEXT_SIZE - 1);
	return time_parse(text, &seconds) == 0 ? seconds : 0;
}

int provider_security_txt(const Vendor *vendor, const char *previous, int64_t now, Buffer *ret_text)
{
	int64_t expires = provider_expiry(previous);
	char text[TIME_TEXT_SIZE];

	if (expires < now + PROVIDER_FRESH_DAYS * (int64_t)SECONDS_PER_DAY)
		expires = now + PROVIDER_GOOD_DAYS * (int64_t)SECONDS_PER_DAY;
	time_format(expires, text);
	return buffer_printf(ret_text,
		"Contact: %s\nExpires: %s\nPreferred-Languages: %s\n"
		"Canonical: %s.well-known/security.txt\nCSAF: %s" METADATA_FILE "\n",
		vendor->contact, text, vendor->language, vendor->url, vendor->url);
}
