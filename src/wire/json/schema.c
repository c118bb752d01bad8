/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/json/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "wire/json/document.h"

#define WHERE_TEXT_MAX 192

typedef SCHEMA_LIST(uint8_t) AnyList;

/* Where the reader is, as a chain on the stack: improvements[0].images[1].sha256 */
typedef struct Where {
	const struct Where *parent;
	const char *name; /* NULL for a list's element */
	size_t index;
} Where;

static void describe(const Where *where, char *text, size_t size)
{
	size_t used;

	text[0] = '\0';
	if (!where)
		return;
	describe(where->parent, text, size);
	used = strlen(text);
	if (where->name)
		snprintf(text + used, size - used, "%s%s", used > 0 ? "." : "", where->name);
	else
		snprintf(text + used, size - used, "[%zu]", where->index);
}

static int refuse(const Where *where, Reason *reason, const char *what)
{
	char text[WHERE_TEXT_MAX];

	describe(where, text, sizeof(text));
	return reason_set(reason, -EBADMSG, "%s: %s", text, what);
}

static int read_object(const SchemaField *fields, const json_t *object, void *data,
	const Where *where, Reason *reason);
static int read_value(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason);

static int read_text(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	const char *text = json_string_value(value);

	if (!text || !text_is_printable(text))
		return refuse(where, reason, "is not a printable text");
	if (json_string_length(value) > field->max)
		return refuse(where, reason, "is too long");
	if (text[0] == '\0' || (field->check && !field->check(text)))
		return refuse(where, reason, "is not of the allowed form");
	*(char **)target = memory_string(text);
	return *(char **)target ? 0 : -ENOMEM;
}

static int read_number(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0)
		return refuse(where, reason, "is not a whole number");
	if ((uint64_t)number > field->max)
		return refuse(where, reason, "is too large");
	if ((uint64_t)number < field->min)
		return refuse(where, reason, "is too small");
	*(uint64_t *)target = (uint64_t)number;
	return 0;
}

static int read_flag(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	if (!json_is_boolean(value))
		return refuse(where, reason, "is neither true nor false");
	*(bool *)target = json_is_true(value);
	return 0;
}

static int read_word(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	const char *text = json_string_value(value);
	int index = text ? text_index(field->words, text) : -1;

	if (index < 0)
		return refuse(where, reason, "is none of the words that are known here");
	*(int *)target = index;
	return 0;
}

static int read_time(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	const char *text = json_string_value(value);
	int64_t seconds;

	if (!text || time_parse(text, &seconds) < 0)
		return refuse(where, reason, "is not a time of the form 2026-01-31T12:00:00Z");
	if (seconds < 0) /* the writer has no other */
		return refuse(where, reason, "is before 1970");
	*(int64_t *)target = seconds;
	return 0;
}

static int read_digest(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	const char *text = json_string_value(value);

	if (!text || digest_from_text(text, target) < 0)
		return refuse(where, reason, "is not a SHA-256 in lower-case hexadecimal");
	return 0;
}

/* What is kept must be writable again, and a real number has no canonical form. */
static bool holds_real(const json_t *json)
{
	const char *name;
	json_t *member;

	for (size_t i = 0; i < json_array_size(json); i++)
		if (holds_real(json_array_get(json, i)))
			return true;
	json_object_foreach((json_t *)json, name, member)
	{
		if (holds_real(member))
			return true;
	}
	return json_is_real(json);
}

static int read_any(const SchemaField *field, const json_t *value, void *target, const Where *where,
	Reason *reason)
{
	if (!json_is_object(value))
		return refuse(where, reason, "is not an object");
	if (holds_real(value))
		return refuse(where, reason, "holds a number that is not whole");
	*(json_t **)target = json_incref((json_t *)value);
	return 0;
}

static int read_nested(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	void *data = memory_new(field->size);

	if (!data)
		return -ENOMEM;
	*(void **)target = data;
	return read_object(field->fields, value, data, where, reason);
}

static int read_list(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	AnyList *list = target;
	size_t count = json_array_size(value);

	if (!json_is_array(value))
		return refuse(where, reason, "is not a list");
	if (count > field->max)
		return refuse(where, reason, "has too many elements");
	list->items = memory_new_growable(count, field->size);
	if (!list->items)
		return -ENOMEM;
	list->count = count;
	for (size_t i = 0; i < count; i++) {
		const Where here = {where, NULL, i};
		const json_t *element = json_array_get(value, i);
		void *item = list->items + i * field->size;
		int r = field->fields ? read_object(field->fields, element, item, &here, reason)
				      : read_value(field->item, element, item, &here, reason);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_value(const SchemaField *field, const json_t *value, void *target,
	const Where *where, Reason *reason)
{
	static int (*const readers[])(
		const SchemaField *, const json_t *, void *, const Where *, Reason *) = {
		[SCHEMA_KIND_TEXT] = read_text,
		[SCHEMA_KIND_NUMBER] = read_number,
		[SCHEMA_KIND_FLAG] = read_flag,
		[SCHEMA_KIND_WORD] = read_word,
		[SCHEMA_KIND_TIME] = read_time,
		[SCHEMA_KIND_DIGEST] = read_digest,
		[SCHEMA_KIND_OBJECT] = read_nested,
		[SCHEMA_KIND_LIST] = read_list,
		[SCHEMA_KIND_ANY] = read_any,
	};

	return readers[field->kind](field, value, target, where, reason);
}

static const SchemaField *find_field(const SchemaField *fields, const char *name)
{
	for (const SchemaField *f = fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Every member of the object must have been read: what is left over is not understood. */
static int refuse_unknown(
	const SchemaField *fields, const json_t *object, const Where *where, Reason *reason)
{
	for (void *i = json_object_iter((json_t *)object); i;
		i = json_object_iter_next((json_t *)object, i)) {
		const Where here = {where, json_object_iter_key(i), 0};

		if (!find_field(fields, here.name))
			return refuse(&here, reason, "is not known here");
	}
	return 0;
}

static int read_object(const SchemaField *fields, const json_t *object, void *data,
	const Where *where, Reason *reason)
{
	if (!json_is_object(object))
		return refuse(where, reason, "is not an object");
	for (const SchemaField *f = fields; f->name; f++) {
		const Where here = {where, f->name, 0};
		const json_t *value = json_object_get(object, f->name);
		int r;

		if (!value && f->optional)
			continue;
		if (!value)
			return refuse(&here, reason, "is missing");
		r = read_value(f, value, (uint8_t *)data + f->offset, &here, reason);
		if (r < 0)
			return r;
	}
	return refuse_unknown(fields, object, where, reason);
}

int schema_read(
	const SchemaField *fields, const json_t *object, void *ret_struct, Reason *reterr_reason)
{
	int r = read_object(fields, object, ret_struct, NULL, reterr_reason);

	if (r < 0)
		schema_clear(fields, ret_struct);
	return r;
}

static json_t *write_value(const SchemaField *field, const void *source);

static json_t *write_list(const SchemaField *field, const AnyList *list)
{
	_cleanup_json_ json_t *array = json_array();

	for (size_t i = 0; array && i < list->count; i++) {
		const void *item = list->items + i * field->size;
		json_t *value = field->fields ? schema_write(field->fields, item)
					      : write_value(field->item, item);

		if (json_array_append_new(array, value) < 0)
			return NULL;
	}
	return TAKE_PTR(array);
}

static json_t *write_value(const SchemaField *field, const void *source)
{
	char text[DIGEST_TEXT_SIZE];

	switch (field->kind) {
	case SCHEMA_KIND_TEXT: return json_string(*(char *const *)source);
	case SCHEMA_KIND_NUMBER: return json_integer((json_int_t) * (const uint64_t *)source);
	case SCHEMA_KIND_FLAG: return json_boolean(*(const bool *)source);
	case SCHEMA_KIND_WORD: return json_string(field->words[*(const int *)source]);
	case SCHEMA_KIND_TIME:
		time_format(*(const int64_t *)source, text);
		return json_string(text);
	case SCHEMA_KIND_DIGEST: digest_to_text(source, text); return json_string(text);
	case SCHEMA_KIND_OBJECT: return schema_write(field->fields, *(void *const *)source);
	case SCHEMA_KIND_LIST: return write_list(field, source);
	case SCHEMA_KIND_ANY: return json_incref(*(json_t *const *)source);
	}
	return NULL;
}

static bool is_absent(const SchemaField *field, const void *source)
{
	switch (field->kind) {
	case SCHEMA_KIND_NUMBER: return *(const uint64_t *)source == 0;
	case SCHEMA_KIND_FLAG: return !*(const bool *)source;
	case SCHEMA_KIND_WORD: return *(const int *)source == 0;
	case SCHEMA_KIND_TIME: return *(const int64_t *)source == 0;
	case SCHEMA_KIND_DIGEST: return digest_is_zero(source);
	case SCHEMA_KIND_LIST: return ((const AnyList *)source)->count == 0;
	case SCHEMA_KIND_TEXT:
	case SCHEMA_KIND_OBJECT:
	case SCHEMA_KIND_ANY: return !*(void *const *)source;
	}
	return true;
}

json_t *schema_write(const SchemaField *fields, const void *data)
{
	_cleanup_json_ json_t *object = NULL;

	json_set_alloc_funcs(memory_raw, free);
	object = json_object();
	for (const SchemaField *f = fields; object && f->name; f++) {
		const void *source = (const uint8_t *)data + f->offset;

		if (f->optional && is_absent(f, source))
			continue;
		if (json_object_set_new(object, f->name, write_value(f, source)) < 0)
			return NULL;
	}
	return TAKE_PTR(object);
}

static void clear_list(const SchemaField *field, AnyList *list);

static void clear_value(const SchemaField *field, void *target)
{
	switch (field->kind) {
	case SCHEMA_KIND_TEXT:
		free(*(char **)target);
		*(char **)target = NULL;
		break;
	case SCHEMA_KIND_OBJECT:
		if (*(void **)target)
			schema_clear(field->fields, *(void **)target);
		free(*(void **)target);
		*(void **)target = NULL;
		break;
	case SCHEMA_KIND_ANY:
		json_decref(*(json_t **)target);
		*(json_t **)target = NULL;
		break;
	case SCHEMA_KIND_LIST: clear_list(field, target); break;
	case SCHEMA_KIND_NUMBER: *(uint64_t *)target = 0; break;
	case SCHEMA_KIND_FLAG: *(bool *)target = false; break;
	case SCHEMA_KIND_WORD: *(int *)target = 0; break;
	case SCHEMA_KIND_TIME: *(int64_t *)target = 0; break;
	case SCHEMA_KIND_DIGEST: *(Digest *)target = (Digest){}; break;
	}
}

static void clear_list(const SchemaField *field, AnyList *list)
{
	for (size_t i = 0; i < list->count; i++) {
		void *item = list->items + i * field->size;

		if (field->fields)
			schema_clear(field->fields, item);
		else
			clear_value(field->item, item);
	}
	free(list->items);
	*list = (AnyList){};
}

void schema_clear(const SchemaField *fields, void *data)
{
	for (const SchemaField *f = fields; f->name; f++)
		clear_value(f, (uint8_t *)data + f->offset);
}

void schema_drop_unknown(const SchemaField *fields, json_t *object)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, name, value)
	{
		const SchemaField *field = find_field(fields, name);

		if (!field) {
			json_object_del(object, name);
			continue;
		}
		if (!field->fields)
			continue;
		schema_drop_unknown(field->fields, value); /* nothing where it is a list */
		for (size_t i = 0; i < json_array_size(value); i++)
			schema_drop_unknown(field->fields, json_array_get(value, i));
	}
}
