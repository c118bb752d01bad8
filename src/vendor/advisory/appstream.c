/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/appstream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "vendor/advisory/links.h"
#include "vendor/advisory/markup.h"
#include "wire/improvement/index-schema.h"

/* A release that is on offer, and the advisory that it is of. */
typedef struct Line {
	const AdvisoryEntry *entry;
	const AdvisoryRelease *release;
} Line;

typedef struct Lines {
	Line *items;
	size_t count;
} Lines;

char *appstream_file(const char *product)
{
	return memory_printf(LINKS_ADVISORIES "%s.releases.xml", product);
}

static int newest_first(const void *a, const void *b)
{
	const Line *left = a, *right = b;
	int order = strverscmp(right->release->version, left->release->version);

	if (order == 0 && left->release->sequence != right->release->sequence)
		order = left->release->sequence < right->release->sequence ? 1 : -1;
	if (order == 0)
		order = strcmp(left->entry->name, right->entry->name);
	return order != 0 ? order : strcmp(left->release->base, right->release->base);
}

static int collect_of(const AdvisoryEntry *entry, const char *product, Lines *lines)
{
	const Advisory *advisory = &entry->advisory;

	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (strcmp(release->product, product) != 0 || release->withdrawal)
			continue;
		if (memory_grow(&lines->items, lines->count, sizeof(*lines->items)) < 0)
			return -ENOMEM;
		lines->items[lines->count++] = (Line){entry, release};
	}
	return 0;
}

static int collect(const AdvisoryList *list, const char *product, int64_t now, Lines *lines)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++)
		if (advisory_is_public(&list->items[i].advisory, now))
			r = collect_of(&list->items[i], product, lines);
	if (lines->count > 0)
		qsort(lines->items, lines->count, sizeof(*lines->items), newest_first);
	return r;
}

static bool is_same_label(const AdvisoryRelease *a, const AdvisoryRelease *b)
{
	return a->sequence == b->sequence && strcmp(a->version, b->version) == 0;
}

static void put_paragraph(Markup *markup, const char *text)
{
	markup_raw(markup, "      <p>");
	markup_text(markup, text);
	markup_raw(markup, "</p>\n");
}

/* The lines of one label follow each other, those of one advisory too. */
static void put_titles(Markup *markup, const Line *lines, size_t count)
{
	markup_raw(markup, "    <description>\n");
	for (size_t i = 0; i < count; i++)
		if (i == 0 || lines[i].entry != lines[i - 1].entry)
			put_paragraph(markup, lines[i].entry->advisory.fixes->title);
	markup_raw(markup, "    </description>\n");
}

static bool is_told(const Line *lines, size_t line, size_t fix)
{
	const char *cve = lines[line].release->fixes.items[fix].cve;

	for (size_t i = 0; i < line; i++)
		if (advisory_release_has_cve(lines[i].release, cve))
			return true;
	for (size_t i = 0; i < fix; i++)
		if (strcmp(lines[line].release->fixes.items[i].cve, cve) == 0)
			return true;
	return false;
}

/* Its validator knows CVEs alone: what has an id of the vendor's own is told by the page. */
static void put_issues(Markup *markup, const Line *lines, size_t count)
{
	size_t told = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < lines[i].release->fixes.count; j++) {
			const char *cve = lines[i].release->fixes.items[j].cve;

			if (!text_starts_with(cve, "CVE-") || is_told(lines, i, j))
				continue;
			markup_printf(markup, "%s      <issue type=\"cve\">%s</issue>\n",
				told++ == 0 ? "    <issues>\n" : "", cve);
		}
	markup_raw(markup, told > 0 ? "    </issues>\n" : "");
}

static const AdvisoryRelease *most_urgent(const Line *lines, size_t count)
{
	const AdvisoryRelease *release = lines[0].release;

	for (size_t i = 1; i < count; i++)
		if (lines[i].release->urgency > release->urgency)
			release = lines[i].release;
	return release;
}

/* One with several advisories leads to the list of them. */
static void put_release(Markup *markup, const Line *lines, size_t count, const Vendor *vendor)
{
	const AdvisoryRelease *release = lines[0].release;
	bool is_one = lines[0].entry == lines[count - 1].entry;
	_cleanup_free_ char *page = links_page(vendor, is_one ? lines[0].entry->name : "index");
	char label[LABEL_TEXT_SIZE], date[TIME_TEXT_SIZE];

	if (!page)
		markup->error = -ENOMEM;
	if (markup->error < 0)
		return;
	label_machine(release->version, release->sequence, label);
	time_format(release->published, date);
	markup_printf(markup,
		"  <release type=\"stable\" version=\"%s\" date=\"%s\" urgency=\"%s\">\n"
		"    <url type=\"details\">",
		label, date, urgency_names[most_urgent(lines, count)->urgency]);
	markup_text(markup, page);
	markup_raw(markup, "</url>\n");
	put_titles(markup, lines, count);
	put_issues(markup, lines, count);
	markup_raw(markup, "  </release>\n");
}

static size_t letters(const AdvisoryRelease *release)
{
	char text[LABEL_LETTERS_SIZE];

	label_letters(release->sequence, text);
	return strlen(text);
}

static void put_releases(Markup *markup, const Lines *lines, const Vendor *vendor)
{
	const AdvisoryRelease *newest = NULL; /* of the version */
	size_t count;

	for (size_t i = 0; i < lines->count; i += count) {
		const AdvisoryRelease *release = lines->items[i].release;

		for (count = 1; i + count < lines->count &&
			is_same_label(release, lines->items[i + count].release);
			count++)
			;
		if (!newest || strcmp(newest->version, release->version) != 0)
			newest = release;
		if (letters(release) == letters(newest))
			put_release(markup, &lines->items[i], count, vendor);
	}
}

int appstream_write(const AdvisoryList *list, const char *product, const Vendor *vendor,
	int64_t now, Buffer *ret_text)
{
	Markup markup = {.buffer = ret_text};
	Lines lines = {};
	int r = collect(list, product, now, &lines);

	markup_raw(&markup, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<releases>\n");
	if (r == 0)
		put_releases(&markup, &lines, vendor);
	markup_raw(&markup, "</releases>\n");
	free(lines.items);
	return r < 0 ? r : markup.error;
}
