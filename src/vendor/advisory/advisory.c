/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/advisory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/improvement/index-schema.h"

#define ENCODING_BYTES 64
#define RELEASES_MAX   8192  /* of one advisory: all bases, with their replacements */
#define REVISIONS_MAX  8192  /* one at every publication that changes it */
#define SUMMARY_BYTES  65536 /* of a revision: a sentence for each base at most */

static const SchemaField payload_fields[] = {
	SCHEMA_FIELD(AdvisoryPayload, kind, WORD, .words = index_payload_kinds),
	SCHEMA_FIELD(AdvisoryPayload, encoding, TEXT, .max = ENCODING_BYTES),
	SCHEMA_FIELD(AdvisoryPayload, sha256, DIGEST),
	SCHEMA_FIELD(AdvisoryPayload, size, NUMBER, .max = INT64_MAX),
	{},
};

static const SchemaField image_fields[] = {
	SCHEMA_FIELD(AdvisoryImage, component, TEXT, .max = INDEX_NAME_BYTES),
	SCHEMA_FIELD(AdvisoryImage, sha256, DIGEST),
	SCHEMA_FIELD(AdvisoryImage, size, NUMBER, .max = INT64_MAX),
	SCHEMA_FIELD(AdvisoryImage, payloads, LIST, .max = INDEX_PAYLOADS_MAX,
		SCHEMA_OF(payload_fields, AdvisoryPayload)),
	{},
};

static const SchemaField withdrawal_fields[] = {
	SCHEMA_FIELD(AdvisoryWithdrawal, level, WORD, .words = index_withdrawal_levels),
	SCHEMA_FIELD(AdvisoryWithdrawal, issued, TIME),
	SCHEMA_FIELD(AdvisoryWithdrawal, reason, TEXT, .max = INDEX_SENTENCE_BYTES),
	SCHEMA_FIELD(AdvisoryWithdrawal, replacement, NUMBER, .min = 1, .max = LABEL_SEQUENCE_MAX,
		.optional = true),
	{},
};

static const SchemaField pair_fields[] = {
	SCHEMA_FIELD(IndexFix, cve, TEXT, .max = INDEX_CVE_BYTES),
	SCHEMA_FIELD(IndexFix, component, TEXT, .max = INDEX_NAME_BYTES),
	{},
};

static const SchemaField release_fields[] = {
	SCHEMA_FIELD(AdvisoryRelease, product, TEXT, .max = INDEX_NAME_BYTES),
	SCHEMA_FIELD(AdvisoryRelease, base, TEXT, .max = IDENTITY_KEY_MAX),
	SCHEMA_FIELD(AdvisoryRelease, version, TEXT, .max = INDEX_NAME_BYTES),
	SCHEMA_FIELD(AdvisoryRelease, sequence, NUMBER, .min = 1, .max = LABEL_SEQUENCE_MAX),
	SCHEMA_FIELD(AdvisoryRelease, carried, FLAG, .optional = true),
	SCHEMA_FIELD(AdvisoryRelease, published, TIME),
	SCHEMA_FIELD(AdvisoryRelease, urgency, WORD, .words = urgency_names),
	SCHEMA_FIELD(AdvisoryRelease, summary, TEXT, .max = INDEX_SENTENCE_BYTES),
	SCHEMA_FIELD(AdvisoryRelease, restart, WORD, .words = restart_scope_names),
	SCHEMA_FIELD(
		AdvisoryRelease, fixes, LIST, .max = FIXES_MAX, SCHEMA_OF(pair_fields, IndexFix)),
	SCHEMA_FIELD(AdvisoryRelease, images, LIST, .max = INDEX_IMAGES_MAX,
		SCHEMA_OF(image_fields, AdvisoryImage)),
	SCHEMA_FIELD(AdvisoryRelease, withdrawal, OBJECT, .optional = true,
		SCHEMA_OF(withdrawal_fields, AdvisoryWithdrawal)),
	{},
};

static const SchemaField cve_item = {.kind = SCHEMA_KIND_TEXT, .max = INDEX_CVE_BYTES};

static const SchemaField inclusion_fields[] = {
	SCHEMA_FIELD(AdvisoryInclusion, product, TEXT, .max = INDEX_NAME_BYTES),
	SCHEMA_FIELD(AdvisoryInclusion, base, TEXT, .max = IDENTITY_KEY_MAX),
	SCHEMA_FIELD(AdvisoryInclusion, version, TEXT, .max = INDEX_NAME_BYTES),
	SCHEMA_FIELD(AdvisoryInclusion, from, TEXT, .max = IDENTITY_KEY_MAX),
	SCHEMA_FIELD(AdvisoryInclusion, sequence, NUMBER, .min = 1, .max = LABEL_SEQUENCE_MAX),
	SCHEMA_FIELD(AdvisoryInclusion, cves, LIST, .max = FIXES_MAX, .item = &cve_item,
		.size = sizeof(char *)),
	{},
};

static const SchemaField revision_fields[] = {
	SCHEMA_FIELD(AdvisoryRevision, date, TIME),
	SCHEMA_FIELD(AdvisoryRevision, summary, TEXT, .max = SUMMARY_BYTES),
	{},
};

const SchemaField advisory_fields[] = {
	SCHEMA_FIELD(Advisory, schema, NUMBER, .min = 1, .max = 1),
	SCHEMA_FIELD(Advisory, fixes, OBJECT, SCHEMA_OF(fixes_fields, Fixes)),
	SCHEMA_FIELD(Advisory, releases, LIST, .max = RELEASES_MAX,
		SCHEMA_OF(release_fields, AdvisoryRelease)),
	SCHEMA_FIELD(Advisory, includes, LIST, .max = RELEASES_MAX, .optional = true,
		SCHEMA_OF(inclusion_fields, AdvisoryInclusion)),
	SCHEMA_FIELD(Advisory, revisions, LIST, .max = REVISIONS_MAX,
		SCHEMA_OF(revision_fields, AdvisoryRevision)),
	{},
};

void advisory_clear(Advisory *advisory)
{
	schema_clear(advisory_fields, advisory);
}

void advisory_list_done(AdvisoryList *list)
{
	for (size_t i = 0; i < list->count; i++) {
		advisory_clear(&list->items[i].advisory);
		buffer_done(&list->items[i].news);
		free(list->items[i].name);
	}
	free(list->items);
	*list = (AdvisoryList){};
}

static int refuse_same_name(
	const AdvisoryList *list, const char *name, const char *id, Reason *reason)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return reason_set(reason, -EEXIST,
				"the files of advisory %s would have the name of those of %s; give "
				"it another id",
				id, list->items[i].advisory.fixes->id);
	return 0;
}

int advisory_list_add(AdvisoryList *list, Advisory *advisory, Reason *reterr_reason)
{
	char name[ADVISORY_NAME_SIZE];
	AdvisoryEntry *entry;
	int r;

	advisory_name(advisory->fixes->id, name);
	r = refuse_same_name(list, name, advisory->fixes->id, reterr_reason);
	if (r == 0)
		r = memory_grow(&list->items, list->count, sizeof(*list->items));
	if (r < 0)
		return r;
	entry = &list->items[list->count];
	entry->name = memory_string(name);
	if (!entry->name)
		return -ENOMEM;
	list->count++;
	entry->advisory = *advisory;
	*advisory = (Advisory){};
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const AdvisoryEntry *left = a, *right = b;
	int64_t l = advisory_first_date(&left->advisory), r = advisory_first_date(&right->advisory);

	return l != r ? (l < r ? 1 : -1) : strcmp(right->name, left->name);
}

void advisory_list_sort(AdvisoryList *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), newest_first);
}

void advisory_name(const char *id, char ret_name[static ADVISORY_NAME_SIZE])
{
	size_t n = 0;

	for (; *id && n < ADVISORY_NAME_SIZE - 1; id++) {
		char c = *id >= 'A' && *id <= 'Z' ? (char)(*id - 'A' + 'a') : *id;

		if (strchr(TEXT_LOWER TEXT_DIGITS "+-", c))
			ret_name[n++] = c;
		else if (n == 0 || ret_name[n - 1] != '_')
			ret_name[n++] = '_';
	}
	ret_name[n] = '\0';
}

int64_t advisory_first_date(const Advisory *advisory)
{
	return advisory->revisions.count > 0 ? advisory->revisions.items[0].date : 0;
}

int64_t advisory_last_date(const Advisory *advisory)
{
	size_t count = advisory->revisions.count;

	return count > 0 ? advisory->revisions.items[count - 1].date : 0;
}

bool advisory_is_public(const Advisory *advisory, int64_t now)
{
	return advisory->revisions.count > 0 && advisory_first_date(advisory) <= now;
}

bool advisory_release_has(const AdvisoryRelease *release, const char *cve, const char *component)
{
	for (size_t i = 0; i < release->fixes.count; i++) {
		const IndexFix *fix = &release->fixes.items[i];

		if (strcmp(fix->cve, cve) == 0 &&
			(!component || strcmp(fix->component, component) == 0))
			return true;
	}
	return false;
}

bool advisory_release_has_cve(const AdvisoryRelease *release, const char *cve)
{
	return advisory_release_has(release, cve, NULL);
}

bool advisory_is_released(const Advisory *advisory, const Fix *fix)
{
	for (size_t i = 0; i < advisory->releases.count; i++)
		if (advisory_release_has(&advisory->releases.items[i], fix->cve, fix->component))
			return true;
	return false;
}

bool advisory_is_first_of_cve(const Advisory *advisory, size_t fix)
{
	const Fix *fixes = advisory->fixes->fixes.items;

	for (size_t i = 0; i < fix; i++)
		if (strcmp(fixes[i].cve, fixes[fix].cve) == 0 &&
			advisory_is_released(advisory, &fixes[i]))
			return false;
	return advisory_is_released(advisory, &fixes[fix]);
}

bool advisory_same_base(const AdvisoryRelease *a, const AdvisoryRelease *b)
{
	return strcmp(a->product, b->product) == 0 && strcmp(a->base, b->base) == 0;
}

bool advisory_is_first_of_base(const Advisory *advisory, size_t release)
{
	return release == 0 ||
		!advisory_same_base(
			&advisory->releases.items[release - 1], &advisory->releases.items[release]);
}

const AdvisoryRelease *advisory_remedy(
	const Advisory *advisory, const AdvisoryRelease *of, const char *cve, const char *component)
{
	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (advisory_same_base(release, of) && !release->withdrawal &&
			advisory_release_has(release, cve, component))
			return release;
	}
	return NULL;
}

static bool has_own_release(
	const Advisory *advisory, const AdvisoryInclusion *newer, const char *cve)
{
	for (size_t i = 0; i < advisory->releases.count; i++) {
		const AdvisoryRelease *release = &advisory->releases.items[i];

		if (strcmp(release->product, newer->product) == 0 &&
			strcmp(release->base, newer->base) == 0 &&
			advisory_release_has_cve(release, cve))
			return true;
	}
	return false;
}

static bool brings_cve(const AdvisoryInclusion *inclusion, const char *cve)
{
	for (size_t i = 0; i < inclusion->cves.count; i++)
		if (strcmp(inclusion->cves.items[i], cve) == 0)
			return true;
	return false;
}

static bool is_same_newer(const AdvisoryInclusion *a, const AdvisoryInclusion *b)
{
	return strcmp(a->product, b->product) == 0 && strcmp(a->base, b->base) == 0;
}

bool advisory_includes_cve(
	const Advisory *advisory, const AdvisoryInclusion *newer, const char *cve)
{
	if (has_own_release(advisory, newer, cve))
		return false;
	for (size_t i = 0; i < advisory->includes.count; i++)
		if (is_same_newer(&advisory->includes.items[i], newer) &&
			brings_cve(&advisory->includes.items[i], cve))
			return true;
	return false;
}

bool advisory_is_first_inclusion(const Advisory *advisory, size_t inclusion)
{
	const AdvisoryInclusion *items = advisory->includes.items;

	for (size_t i = 0; i < inclusion; i++)
		if (is_same_newer(&items[i], &items[inclusion]))
			return false;
	return true;
}

/* The only processor whose name has the key's separator in it. */
#define ARCHITECTURE_WITH_MARK "x86_64"

void advisory_base_parts(const char *key, const char *version, AdvisoryBaseParts *ret)
{
	size_t length = strlen(version);
	const char *rest = strncmp(key, version, length) == 0 ? key + length : key;
	const char *mark;

	*ret = (AdvisoryBaseParts){};
	rest += rest[0] == '_';
	mark = strrchr(rest, '_');
	if (text_ends_with(rest, ARCHITECTURE_WITH_MARK)) {
		size_t before = strlen(rest) - strlen(ARCHITECTURE_WITH_MARK);

		mark = before > 0 && rest[before - 1] == '_' ? rest + before - 1 : NULL;
	}
	if (mark)
		snprintf(ret->variant, sizeof(ret->variant), "%.*s", (int)(mark - rest), rest);
	snprintf(ret->architecture, sizeof(ret->architecture), "%s", mark ? mark + 1 : rest);
}

char *advisory_base_title(const Vendor *vendor, const char *product, const char *key,
	const char *version, uint64_t sequence)
{
	AdvisoryBaseParts parts;
	char label[LABEL_TEXT_SIZE];

	if (label_machine(version, sequence, label) < 0)
		return NULL;
	advisory_base_parts(key, version, &parts);
	return memory_printf("%s %s%s%s (%s)", vendor_product_name(vendor, product), label,
		parts.variant[0] ? " " : "", parts.variant, parts.architecture);
}
