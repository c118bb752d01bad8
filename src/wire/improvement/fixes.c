/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/improvement/fixes.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "wire/improvement/cvss.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

#define PROSE_BYTES    4000
#define URL_BYTES      1000
#define REFERENCES_MAX 64

static bool is_url(const char *text)
{
	return text_starts_with(text, "https://") || text_starts_with(text, "http://");
}

static const SchemaField url_item = {.kind = SCHEMA_KIND_TEXT, .max = URL_BYTES, .check = is_url};

static const SchemaField fix_fields[] = {
	SCHEMA_FIELD(Fix, cve, TEXT, .max = INDEX_CVE_BYTES, .check = index_is_cve),
	SCHEMA_FIELD(Fix, component, TEXT, .max = INDEX_NAME_BYTES, .check = index_is_name),
	SCHEMA_FIELD(Fix, impact, TEXT, .max = PROSE_BYTES),
	SCHEMA_FIELD(Fix, description, TEXT, .max = PROSE_BYTES),
	SCHEMA_FIELD(Fix, credit, TEXT, .max = INDEX_SENTENCE_BYTES, .optional = true),
	SCHEMA_FIELD(Fix, references, LIST, .max = REFERENCES_MAX, .item = &url_item,
		.size = sizeof(char *), .optional = true),
	SCHEMA_FIELD(Fix, exploited, FLAG, .optional = true),
	SCHEMA_FIELD(Fix, cvss, TEXT, .max = CVSS_VECTOR_BYTES, .check = cvss_is_vector,
		.optional = true),
	{},
};

const SchemaField fixes_fields[] = {
	SCHEMA_FIELD(Fixes, schema, NUMBER, .min = 1, .max = FIXES_SCHEMA),
	SCHEMA_FIELD(Fixes, id, TEXT, .max = FIXES_ID_BYTES),
	SCHEMA_FIELD(Fixes, title, TEXT, .max = INDEX_SENTENCE_BYTES),
	SCHEMA_FIELD(Fixes, urgency, WORD, .words = urgency_names),
	SCHEMA_FIELD(Fixes, released, TIME, .optional = true),
	SCHEMA_FIELD(Fixes, fixes, LIST, .max = FIXES_MAX, SCHEMA_OF(fix_fields, Fix)),
	{},
};

void fixes_clear(Fixes *fixes)
{
	schema_clear(fixes_fields, fixes);
}

static const SchemaField list_fields[] = {
	SCHEMA_FIELD(FixesList, notes, LIST, .max = FIXES_LIST_MAX, SCHEMA_OF(fixes_fields, Fixes)),
	{},
};

void fixes_list_clear(FixesList *list)
{
	schema_clear(list_fields, list);
}

/* A list is no document by itself: it becomes the only member of one. */
static int parse(const void *data, size_t size, json_t **ret_json, Reason *reason)
{
	_cleanup_buffer_ Buffer text = {};
	int r = buffer_text(&text, "{\"notes\":");

	if (r == 0)
		r = buffer_append(&text, data, size);
	if (r == 0)
		r = buffer_text(&text, "}");
	return r < 0 ? r : document_parse(text.data, text.size, ret_json, reason);
}

/* A later schema adds members and changes none: without those it is one of ours. */
static int take_back(json_t *file)
{
	if (document_number(file, "schema") <= FIXES_SCHEMA)
		return 0;
	schema_drop_unknown(fixes_fields, file);
	return json_object_set_new(file, "schema", json_integer(FIXES_SCHEMA)) < 0 ? -ENOMEM : 0;
}

int fixes_list_read(const void *data, size_t size, FixesList *ret_list, Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = NULL;
	int r = parse(data, size, &json, reterr_reason);
	json_t *files = json_object_get(json, "notes");

	for (size_t i = 0; r == 0 && i < json_array_size(files); i++)
		r = take_back(json_array_get(files, i));
	return r < 0 ? r : schema_read(list_fields, json, ret_list, reterr_reason);
}

const Fix *fixes_list_find(const FixesList *list, const char *cve)
{
	for (size_t i = 0; i < list->notes.count; i++) {
		const Fixes *file = &list->notes.items[i];

		for (size_t j = 0; j < file->fixes.count; j++)
			if (strcmp(file->fixes.items[j].cve, cve) == 0)
				return &file->fixes.items[j];
	}
	return NULL;
}
