/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/fixes.h"

#include "base/text.h"
#include "vendor/advisory/cvss.h"
#include "wire/improvement/index-schema.h"

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
