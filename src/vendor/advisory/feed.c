/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/time.h"
#include "vendor/advisory/links.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

/* A release, and the advisory that it is of; an improvement has one for each of its advisories. */
typedef struct Line {
	const AdvisoryEntry *entry;
	const AdvisoryRelease *release;
} Line;

void feed_bases_done(FeedBases *bases)
{
	for (size_t i = 0; i < bases->count; i++) {
		FeedBase *base = &bases->items[i];

		free(base->product);
		free(base->base);
		free(base->version);
		free(base->superseded_by);
	}
	free(bases->items);
	*bases = (FeedBases){};
}

int feed_bases_add(FeedBases *bases, const Index *index)
{
	FeedBase *base;
	int r = memory_grow(&bases->items, bases->count, sizeof(*bases->items));

	if (r < 0)
		return r;
	base = &bases->items[bases->count++];
	base->product = memory_string(index->product);
	base->base = memory_string(index->base);
	base->version = memory_string(index->base_version);
	base->supported_until = index->supported_until;
	if (index->superseded_by)
		base->superseded_by = memory_string(index->superseded_by);
	return base->product && base->base && base->version &&
			(!index->superseded_by || base->superseded_by)
		? 0
		: -ENOMEM;
}

static json_t *time_value(int64_t seconds)
{
	char text[TIME_TEXT_SIZE];

	time_format(seconds, text);
	return json_string(text);
}

static json_t *digest_value(const Digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	return json_string(text);
}

static json_t *describe_image(const AdvisoryImage *image)
{
	_cleanup_json_ json_t *payloads = json_array();

	for (size_t i = 0; payloads && i < image->payloads.count; i++) {
		const AdvisoryPayload *payload = &image->payloads.items[i];

		if (json_array_append_new(payloads,
			    json_pack("{s:s, s:s, s:o, s:I}", "kind",
				    index_payload_kinds[payload->kind], "encoding",
				    payload->encoding, "sha256", digest_value(&payload->sha256),
				    "size", (json_int_t)payload->size)) < 0)
			return NULL;
	}
	return payloads ? json_pack("{s:s, s:o, s:I, s:O}", "component", image->component, "sha256",
				  digest_value(&image->sha256), "size", (json_int_t)image->size,
				  "payloads", payloads)
			: NULL;
}

static json_t *describe_images(const AdvisoryRelease *release)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; list && i < release->images.count; i++)
		if (json_array_append_new(list, describe_image(&release->images.items[i])) < 0)
			return NULL;
	return TAKE_PTR(list);
}

static json_t *describe_withdrawal(const AdvisoryRelease *release)
{
	const AdvisoryWithdrawal *withdrawal = release->withdrawal;
	char label[LABEL_TEXT_SIZE];
	json_t *json =
		json_pack("{s:s, s:o, s:s}", "level", index_withdrawal_levels[withdrawal->level],
			"issued", time_value(withdrawal->issued), "reason", withdrawal->reason);

	if (!json || withdrawal->replacement == 0)
		return json;
	label_machine(release->version, withdrawal->replacement, label);
	if (json_object_set_new(json, "replacement", json_string(label)) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* What the improvement is, whichever advisory it is looked at from. */
static json_t *describe_improvement(const AdvisoryRelease *release)
{
	char shown[LABEL_TEXT_SIZE], machine[LABEL_TEXT_SIZE];
	json_t *json;

	label_shown(release->version, release->sequence, shown);
	label_machine(release->version, release->sequence, machine);
	json = json_pack("{s:I, s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:[], s:[]}", "sequence",
		(json_int_t)release->sequence, "label", shown, "machine_label", machine,
		"published", time_value(release->published), "urgency",
		urgency_names[release->urgency], "summary", release->summary, "restart",
		restart_scope_names[release->restart], "images", describe_images(release),
		"advisories", "fixes");
	if (json && release->withdrawal &&
		json_object_set_new(json, "withdrawn", describe_withdrawal(release)) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static int add_advisory(json_t *improvement, const Line *line, const Vendor *vendor)
{
	_cleanup_free_ char *page = links_page(vendor, line->entry->name);
	json_t *fixes = json_object_get(improvement, "fixes");
	int r = json_array_append_new(json_object_get(improvement, "advisories"),
		json_pack("{s:s, s:s}", "id", line->entry->advisory.fixes->id, "url", page));

	for (size_t i = 0; r == 0 && i < line->release->fixes.count; i++)
		r = json_array_append_new(fixes,
			json_pack("{s:s, s:s}", "cve", line->release->fixes.items[i].cve,
				"component", line->release->fixes.items[i].component));
	return r;
}

static int by_improvement(const void *a, const void *b)
{
	const Line *left = a, *right = b;
	const AdvisoryRelease *l = left->release, *r = right->release;
	int order = strcmp(l->product, r->product);

	if (order == 0)
		order = strcmp(l->base, r->base);
	if (order == 0 && l->sequence != r->sequence)
		order = l->sequence < r->sequence ? 1 : -1;
	return order != 0 ? order : strcmp(left->entry->name, right->entry->name);
}

typedef struct Lines {
	Line *items;
	size_t count;
} Lines;

static void lines_done(Lines *lines)
{
	free(lines->items);
}

static int collect(const AdvisoryList *list, int64_t now, Lines *lines)
{
	size_t room = 0;

	for (size_t i = 0; i < list->count; i++)
		room += list->items[i].advisory.releases.count;
	lines->items = memory_new_array(room, sizeof(*lines->items));
	if (!lines->items)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		const Advisory *advisory = &list->items[i].advisory;

		for (size_t j = 0; j < advisory->releases.count; j++)
			if (advisory_is_public(advisory, now))
				lines->items[lines->count++] =
					(Line){&list->items[i], &advisory->releases.items[j]};
	}
	qsort(lines->items, lines->count, sizeof(*lines->items), by_improvement);
	return 0;
}

static bool is_of(const Line *line, const FeedBase *base)
{
	return strcmp(line->release->product, base->product) == 0 &&
		strcmp(line->release->base, base->base) == 0;
}

/* Lines of one improvement follow each other. */
static json_t *describe_improvements(const Lines *lines, const FeedBase *base, const Vendor *vendor)
{
	_cleanup_json_ json_t *list = json_array();
	json_t *improvement = NULL;
	uint64_t sequence = 0;

	for (size_t i = 0; list && i < lines->count; i++) {
		const Line *line = &lines->items[i];

		if (!is_of(line, base))
			continue;
		if (line->release->sequence != sequence) {
			improvement = describe_improvement(line->release);
			if (json_array_append_new(list, improvement) < 0)
				return NULL;
			sequence = line->release->sequence;
		}
		if (!line->release->carried && add_advisory(improvement, line, vendor) < 0)
			return NULL;
	}
	return TAKE_PTR(list);
}

static json_t *describe_base(const Lines *lines, const FeedBase *base, const Vendor *vendor)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:o}", "product", base->product, "base",
		base->base, "version", base->version, "improvements",
		describe_improvements(lines, base, vendor));
	int r = json ? 0 : -1;

	if (r == 0 && base->supported_until > 0)
		r = json_object_set_new(json, "supported_until", time_value(base->supported_until));
	if (r == 0 && base->superseded_by)
		r = json_object_set_new(json, "superseded_by", json_string(base->superseded_by));
	if (r == 0)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *describe_advisory(const AdvisoryEntry *entry, const Vendor *vendor)
{
	const Advisory *advisory = &entry->advisory;
	_cleanup_free_ char *page = links_page(vendor, entry->name);

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I}", "id", advisory->fixes->id, "url",
		page, "title", advisory->fixes->title, "urgency",
		urgency_names[advisory->fixes->urgency], "released",
		time_value(advisory_first_date(advisory)), "updated",
		time_value(advisory_last_date(advisory)), "revision",
		(json_int_t)advisory->revisions.count);
}

static json_t *describe_advisories(const AdvisoryList *list, const Vendor *vendor, int64_t now)
{
	_cleanup_json_ json_t *described = json_array();

	for (size_t i = 0; described && i < list->count; i++)
		if (advisory_is_public(&list->items[i].advisory, now) &&
			json_array_append_new(
				described, describe_advisory(&list->items[i], vendor)) < 0)
			return NULL;
	return TAKE_PTR(described);
}

json_t *feed_document(const AdvisoryList *list, const FeedBases *bases, const FeedFiles *files,
	const Vendor *vendor, int64_t now)
{
	_cleanup_(lines_done) Lines lines = {};
	_cleanup_json_ json_t *described = json_array();
	int r = described ? collect(list, now, &lines) : -1;

	for (size_t i = 0; r == 0 && i < bases->count; i++)
		r = json_array_append_new(
			described, describe_base(&lines, &bases->items[i], vendor));
	return r < 0 ? NULL
		     : json_pack("{s:s, s:i, s:s, s:s, s:O, s:o, s:o}", "format", "suture-feed",
			       "schema", 1, "vendor", vendor->name, "url", vendor->url, "bases",
			       described, "advisories", describe_advisories(list, vendor, now),
			       "files", feed_files_json(files));
}
