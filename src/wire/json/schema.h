/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Schema: one table that says what a JSON object looks like and where its members go in a struct.
 * The table drives the strict reader, the writer and the destructor, so the three cannot disagree.
 *
 *     typedef struct Fix { char *cve; uint64_t score; SCHEMA_LIST(char *) references; } Fix;
 *     static const SchemaField url = {.kind = SCHEMA_KIND_TEXT, .max = 200};
 *     static const SchemaField fix_fields[] = {
 *             SCHEMA_FIELD(Fix, cve, TEXT, .max = 32, .check = is_cve),
 *             SCHEMA_FIELD(Fix, score, NUMBER, .max = 100, .optional = true),
 *             SCHEMA_FIELD(Fix, references, LIST, .max = 10, .item = &url, .size = sizeof(char *)),
 *             {}};
 *
 * Reading is strict: a member that the table does not name, a missing one that is not optional, a
 * wrong type, a text or list above its bound: -EBADMSG, and the reason names the member with its
 * path. Absent optional members are zero, NULL or empty, and the writer leaves such members out.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

typedef enum SchemaKind {
	SCHEMA_KIND_TEXT,   /* char *, owned, printable UTF-8 */
	SCHEMA_KIND_NUMBER, /* uint64_t */
	SCHEMA_KIND_FLAG,   /* bool; absent is false */
	SCHEMA_KIND_WORD,   /* int, an index into `words` */
	SCHEMA_KIND_TIME,   /* int64_t, seconds since 1970, in JSON YYYY-MM-DDTHH:MM:SSZ */
	SCHEMA_KIND_DIGEST, /* Digest, in JSON 64 hexadecimal digits */
	SCHEMA_KIND_OBJECT, /* T *, owned; NULL when absent */
	SCHEMA_KIND_LIST,   /* SCHEMA_LIST(T), owned */
	SCHEMA_KIND_ANY, /* json_t *, a reference: any object without real numbers, kept as it is */
} SchemaKind;

typedef struct SchemaField {
	const char *name;
	SchemaKind kind;
	bool optional;
	size_t offset;
	uint64_t min;                     /* NUMBER: value; at least 1 where it is optional */
	uint64_t max;                     /* TEXT: bytes; NUMBER: value; LIST: elements */
	bool (*check)(const char *text);  /* TEXT: a further rule, or NULL */
	const char *const *words;         /* WORD: NULL-terminated */
	const struct SchemaField *fields; /* OBJECT, LIST of objects: ends with a zeroed entry */
	const struct SchemaField *item;   /* LIST of scalars: what one element is, offset 0 */
	size_t size;                      /* OBJECT: of the struct; LIST: of one element */
} SchemaField;

/* A table's line for the struct member of the same name as the JSON member. */
#define SCHEMA_FIELD(type, member, which, ...)                                                     \
	{                                                                                          \
		.name = #member, .kind = SCHEMA_KIND_##which, .offset = offsetof(type, member),    \
		##__VA_ARGS__                                                                      \
	}

/* For the fields of a list of objects, and of a nested object. */
#define SCHEMA_OF(table, struct_type) .fields = table, .size = sizeof(struct_type)

/* How a list lies in its struct. One that was read may be added to with memory_grow(). */
#define SCHEMA_LIST(type)                                                                          \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
	}

/* `object` → struct of zeroes that the table's offsets refer to. On failure the struct is zeroed
 * again. 0, -EBADMSG with a reason, -ENOMEM. */
int schema_read(
	const SchemaField *fields, const json_t *object, void *ret_struct, Reason *reterr_reason);

/* Removes the members that the table does not name, in nested objects too: what is left of a
 * document whose later version only added to this one. */
void schema_drop_unknown(const SchemaField *fields, json_t *object);

/* The JSON object of a struct; NULL when memory is short. The caller owns the reference. */
json_t *schema_write(const SchemaField *fields, const void *data);

/* Frees what the struct's members own and zeroes all of them. */
void schema_clear(const SchemaField *fields, void *data);
