/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of doc/format/index.md, in its order. */
#include "wire/improvement/index-schema.h"

#include <string.h>

#include "base/path.h"
#include "base/text.h"
#include "wire/terms/label.h"
#include "wire/seal/seal.h"

#define BASE_KEY_BYTES   SEAL_BASE_MAX
#define SEAL_BYTES       (2 * ED25519_SIGNATURE_SIZE)
#define FIXES_MAX        512
#define REQUIREMENTS_MAX 32
#define AFTER_MAX        16
#define INCLUSIONS_MAX   1024
#define REMOVED_MAX      1024

const char *const index_payload_kinds[] = {"full", "delta", NULL};
const char *const index_withdrawal_levels[] = {"advise", "stop", "revert", NULL};

bool index_is_name(const char *text)
{
	return text_consists_of(text, TEXT_LOWER TEXT_DIGITS "._-") && text[0] != '.';
}

static bool is_base_key(const char *text)
{
	return text_consists_of(text, TEXT_LOWER TEXT_DIGITS "._-+") && text[0] != '.';
}

static bool is_hex(const char *text)
{
	return text_consists_of(text, TEXT_DIGITS "abcdef");
}

static bool is_seal(const char *text)
{
	return strlen(text) == SEAL_BYTES && is_hex(text);
}

static bool is_digest_text(const char *text)
{
	return strlen(text) == DIGEST_TEXT_SIZE - 1 && is_hex(text);
}

static bool is_index_format(const char *text)
{
	return strcmp(text, INDEX_FORMAT) == 0;
}

bool index_is_cve(const char *text)
{
	return text_consists_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" TEXT_DIGITS "-");
}

#define OPTIONAL   .optional = true
#define NAME_TEXT  .max = INDEX_NAME_BYTES, .check = index_is_name
#define PATH_TEXT  .max = PATH_TEXT_MAX, .check = path_is_normal
#define TEXT_ITEMS .size = sizeof(char *)

static const SchemaField path_item = {.kind = SCHEMA_KIND_TEXT, PATH_TEXT};
static const SchemaField name_item = {.kind = SCHEMA_KIND_TEXT, NAME_TEXT};
static const SchemaField after_item = {.kind = SCHEMA_KIND_WORD, .words = after_names};
static const SchemaField digest_item = {
	.kind = SCHEMA_KIND_TEXT, .max = DIGEST_TEXT_SIZE, .check = is_digest_text};

static const SchemaField source_fields[] = {
	SCHEMA_FIELD(PayloadSource, path, TEXT, PATH_TEXT, OPTIONAL),
	SCHEMA_FIELD(PayloadSource, image, DIGEST, OPTIONAL),
	SCHEMA_FIELD(PayloadSource, sha256, DIGEST),
	SCHEMA_FIELD(PayloadSource, size, NUMBER, .max = INDEX_IMAGE_SIZE_MAX),
	{},
};

static const SchemaField payload_fields[] = {
	SCHEMA_FIELD(Payload, kind, WORD, .words = index_payload_kinds),
	SCHEMA_FIELD(Payload, encoding, TEXT, NAME_TEXT),
	SCHEMA_FIELD(Payload, sha256, DIGEST),
	SCHEMA_FIELD(Payload, size, NUMBER, .min = 1, .max = INDEX_IMAGE_SIZE_MAX),
	SCHEMA_FIELD(Payload, sources, LIST, .max = INDEX_SOURCES_MAX, OPTIONAL,
		SCHEMA_OF(source_fields, PayloadSource)),
	{},
};

static const SchemaField file_fields[] = {
	SCHEMA_FIELD(ImageFile, path, TEXT, PATH_TEXT),
	SCHEMA_FIELD(ImageFile, sha256, DIGEST),
	SCHEMA_FIELD(ImageFile, kind, WORD, .words = file_kind_names),
	SCHEMA_FIELD(ImageFile, build_id, TEXT, .max = BUILD_ID_TEXT_MAX,
		.check = build_id_is_valid, OPTIONAL),
	{},
};

static const SchemaField verity_fields[] = {
	SCHEMA_FIELD(ImageVerity, root, DIGEST),
	SCHEMA_FIELD(ImageVerity, salt, DIGEST),
	{},
};

const SchemaField index_image_fields[] = {
	SCHEMA_FIELD(IndexImage, component, TEXT, NAME_TEXT),
	SCHEMA_FIELD(IndexImage, sha256, DIGEST),
	SCHEMA_FIELD(IndexImage, size, NUMBER, .max = INDEX_IMAGE_SIZE_MAX),
	SCHEMA_FIELD(IndexImage, verity, OBJECT, SCHEMA_OF(verity_fields, ImageVerity)),
	SCHEMA_FIELD(IndexImage, directories, LIST, .max = INDEX_DIRECTORIES_MAX,
		.item = &path_item, TEXT_ITEMS),
	SCHEMA_FIELD(
		IndexImage, files, LIST, .max = INDEX_FILES_MAX, SCHEMA_OF(file_fields, ImageFile)),
	SCHEMA_FIELD(IndexImage, removed, LIST, .max = REMOVED_MAX, .item = &path_item, TEXT_ITEMS,
		OPTIONAL),
	SCHEMA_FIELD(IndexImage, mix, WORD, .words = mix_names),
	SCHEMA_FIELD(IndexImage, after, LIST, .max = AFTER_MAX, .item = &after_item,
		.size = sizeof(int), OPTIONAL),
	SCHEMA_FIELD(IndexImage, hosts, LIST, .max = HOSTS_MAX, .item = &path_item, TEXT_ITEMS,
		OPTIONAL),
	SCHEMA_FIELD(IndexImage, restart, WORD, .words = restart_scope_names),
	SCHEMA_FIELD(IndexImage, seal, TEXT, .max = SEAL_BYTES, .check = is_seal),
	SCHEMA_FIELD(IndexImage, payloads, LIST, .max = INDEX_PAYLOADS_MAX,
		SCHEMA_OF(payload_fields, Payload)),
	{},
};

static const SchemaField fix_fields[] = {
	SCHEMA_FIELD(IndexFix, cve, TEXT, .max = INDEX_CVE_BYTES, .check = index_is_cve),
	SCHEMA_FIELD(IndexFix, component, TEXT, NAME_TEXT),
	{},
};

const SchemaField index_step_fields[] = {
	SCHEMA_FIELD(RolloutStep, hours, NUMBER, .max = INDEX_HOURS_MAX),
	SCHEMA_FIELD(RolloutStep, percent, NUMBER, .max = 100),
	{},
};

const SchemaField index_rollout_fields[] = {
	SCHEMA_FIELD(Rollout, start, TIME),
	SCHEMA_FIELD(Rollout, ramp, LIST, .max = INDEX_RAMP_STEPS_MAX,
		SCHEMA_OF(index_step_fields, RolloutStep), OPTIONAL),
	SCHEMA_FIELD(Rollout, hold, FLAG, OPTIONAL),
	{},
};

static const SchemaField notes_fields[] = {
	SCHEMA_FIELD(Notes, sha256, DIGEST),
	SCHEMA_FIELD(Notes, size, NUMBER, .min = 1, .max = INDEX_SIZE_MAX),
	{},
};

const SchemaField index_improvement_fields[] = {
	SCHEMA_FIELD(Improvement, sequence, NUMBER, .min = 1, .max = LABEL_SEQUENCE_MAX),
	SCHEMA_FIELD(Improvement, published, TIME),
	SCHEMA_FIELD(Improvement, urgency, WORD, .words = urgency_names),
	SCHEMA_FIELD(Improvement, summary, TEXT, .max = INDEX_SENTENCE_BYTES),
	SCHEMA_FIELD(Improvement, advisory, TEXT, .max = INDEX_NAME_BYTES, OPTIONAL),
	SCHEMA_FIELD(Improvement, notes, OBJECT, SCHEMA_OF(notes_fields, Notes), OPTIONAL),
	SCHEMA_FIELD(Improvement, fixes, LIST, .max = FIXES_MAX, SCHEMA_OF(fix_fields, IndexFix),
		OPTIONAL),
	SCHEMA_FIELD(Improvement, requires, LIST, .max = REQUIREMENTS_MAX, .item = &name_item,
		TEXT_ITEMS, OPTIONAL),
	SCHEMA_FIELD(Improvement, optional, ANY, OPTIONAL),
	SCHEMA_FIELD(
		Improvement, rollout, OBJECT, SCHEMA_OF(index_rollout_fields, Rollout), OPTIONAL),
	SCHEMA_FIELD(Improvement, images, LIST, .max = INDEX_IMAGES_MAX,
		SCHEMA_OF(index_image_fields, IndexImage)),
	{},
};

static const SchemaField withdrawal_fields[] = {
	SCHEMA_FIELD(Withdrawal, sequence, NUMBER, .min = 1, .max = LABEL_SEQUENCE_MAX),
	SCHEMA_FIELD(Withdrawal, level, WORD, .words = index_withdrawal_levels),
	SCHEMA_FIELD(Withdrawal, issued, TIME),
	SCHEMA_FIELD(Withdrawal, reason, TEXT, .max = INDEX_SENTENCE_BYTES),
	SCHEMA_FIELD(
		Withdrawal, replacement, NUMBER, .min = 1, .max = LABEL_SEQUENCE_MAX, OPTIONAL),
	SCHEMA_FIELD(Withdrawal, images, LIST, .max = INDEX_IMAGES_MAX, .item = &digest_item,
		TEXT_ITEMS, OPTIONAL),
	{},
};

static const SchemaField inclusion_fields[] = {
	SCHEMA_FIELD(Inclusion, base, TEXT, .max = BASE_KEY_BYTES, .check = is_base_key),
	SCHEMA_FIELD(Inclusion, sequence, NUMBER, .min = 1, .max = LABEL_SEQUENCE_MAX),
	{},
};

void index_improvement_clear(Improvement *improvement)
{
	schema_clear(index_improvement_fields, improvement);
}

void index_withdrawal_clear(Withdrawal *withdrawal)
{
	schema_clear(withdrawal_fields, withdrawal);
}

const SchemaField index_fields[] = {
	SCHEMA_FIELD(Index, format, TEXT, .max = INDEX_NAME_BYTES, .check = is_index_format),
	SCHEMA_FIELD(Index, version, NUMBER, .min = 1, .max = INDEX_VERSION),
	SCHEMA_FIELD(Index, optional, ANY, OPTIONAL),
	SCHEMA_FIELD(Index, product, TEXT, NAME_TEXT),
	SCHEMA_FIELD(Index, base, TEXT, .max = BASE_KEY_BYTES, .check = is_base_key),
	SCHEMA_FIELD(Index, base_version, TEXT, NAME_TEXT),
	SCHEMA_FIELD(Index, channel, TEXT, NAME_TEXT),
	SCHEMA_FIELD(Index, issued, TIME),
	SCHEMA_FIELD(Index, supported_until, TIME, OPTIONAL),
	SCHEMA_FIELD(Index, superseded_by, TEXT, NAME_TEXT, OPTIONAL),
	SCHEMA_FIELD(Index, includes, LIST, .max = INCLUSIONS_MAX,
		SCHEMA_OF(inclusion_fields, Inclusion), OPTIONAL),
	SCHEMA_FIELD(Index, improvements, LIST, .max = INDEX_IMPROVEMENTS_MAX,
		SCHEMA_OF(index_improvement_fields, Improvement)),
	SCHEMA_FIELD(Index, withdrawals, LIST, .max = INDEX_WITHDRAWALS_MAX,
		SCHEMA_OF(withdrawal_fields, Withdrawal), OPTIONAL),
	{},
};
