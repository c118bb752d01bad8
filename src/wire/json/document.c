/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/json/document.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/time.h"

/* Where memory is short, jansson calls a good text malformed, and writes a text that lacks a member
 * without a word. So the allocator itself remembers that it failed. */
static _Thread_local bool allocation_failed;

static void *allocate(size_t size)
{
	void *data = memory_raw(size);

	allocation_failed |= !data;
	return data;
}

static void watch_allocations(void)
{
	allocation_failed = false;
	json_set_alloc_funcs(allocate, free);
}

/* jansson allows 2048 levels and any number of values; counting outside strings beforehand costs
 * one pass and lets the limits be ours. Each value but the first stands behind a bracket or a
 * comma. */
static int check_bounds(const char *text, size_t size, size_t values_max, Reason *reason)
{
	size_t depth = 0, values = 0;
	bool in_string = false;

	for (size_t i = 0; i < size; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && (text[i] == '{' || text[i] == '['))
			depth++, values++;
		else if (!in_string && (text[i] == '}' || text[i] == ']') && depth > 0)
			depth--;
		else if (!in_string && text[i] == ',')
			values++;
		if (depth > DOCUMENT_DEPTH_MAX)
			return reason_set(reason, -EBADMSG, "nested deeper than %d levels",
				DOCUMENT_DEPTH_MAX);
		if (values > values_max)
			return reason_set(reason, -EBADMSG, "more than %zu values", values_max);
	}
	return 0;
}

int document_parse(const void *data, size_t size, json_t **ret_object, Reason *reterr_reason)
{
	return document_parse_large(data, size, DOCUMENT_VALUES_MAX, ret_object, reterr_reason);
}

int document_parse_large(const void *data, size_t size, size_t values_max, json_t **ret_object,
	Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = NULL;
	json_error_t error = {};
	int r = check_bounds(data, size, values_max, reterr_reason);

	if (r < 0)
		return r;
	watch_allocations();
	json = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
	if (allocation_failed)
		return -ENOMEM;
	if (!json)
		return reason_set(reterr_reason, -EBADMSG, "not JSON at byte %d: %s",
			error.position, error.text);
	if (!json_is_object(json))
		return reason_set(reterr_reason, -EBADMSG, "not a JSON object");
	*ret_object = TAKE_PTR(json);
	return 0;
}

static int canonical_string(const char *text, Buffer *buffer)
{
	int r = buffer_text(buffer, "\"");

	while (r == 0 && *text) {
		size_t plain = strcspn(text, "\"\\");

		r = buffer_append(buffer, text, plain);
		text += plain;
		if (r == 0 && *text) {
			r = buffer_printf(buffer, "\\%c", *text);
			text++;
		}
	}
	return r < 0 ? r : buffer_text(buffer, "\"");
}

static int canonical_array(const json_t *array, Buffer *buffer)
{
	int r = buffer_text(buffer, "[");

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		if (i > 0)
			r = buffer_text(buffer, ",");
		if (r == 0)
			r = document_canonical(json_array_get(array, i), buffer);
	}
	return r < 0 ? r : buffer_text(buffer, "]");
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int sorted_keys(const json_t *object, const char ***ret_keys)
{
	const char **keys = memory_new_array(json_object_size(object), sizeof(*keys));
	size_t n = 0;

	if (!keys)
		return -ENOMEM;
	for (void *i = json_object_iter((json_t *)object); i;
		i = json_object_iter_next((json_t *)object, i))
		keys[n++] = json_object_iter_key(i);
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ret_keys = keys;
	return 0;
}

static int canonical_object(const json_t *object, Buffer *buffer)
{
	_cleanup_free_ const char **keys = NULL;
	int r = sorted_keys(object, &keys);

	if (r == 0)
		r = buffer_text(buffer, "{");
	for (size_t i = 0; r == 0 && i < json_object_size(object); i++) {
		if (i > 0)
			r = buffer_text(buffer, ",");
		if (r == 0)
			r = canonical_string(keys[i], buffer);
		if (r == 0)
			r = buffer_text(buffer, ":");
		if (r == 0)
			r = document_canonical(json_object_get(object, keys[i]), buffer);
	}
	return r < 0 ? r : buffer_text(buffer, "}");
}

int document_canonical(const json_t *json, Buffer *buffer)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT: return canonical_object(json, buffer);
	case JSON_ARRAY: return canonical_array(json, buffer);
	case JSON_STRING: return canonical_string(json_string_value(json), buffer);
	case JSON_INTEGER:
		return buffer_printf(buffer, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
	case JSON_TRUE: return buffer_text(buffer, "true");
	case JSON_FALSE: return buffer_text(buffer, "false");
	case JSON_NULL: return buffer_text(buffer, "null");
	case JSON_REAL: return -EBADMSG;
	}
	return -EBADMSG;
}

/* What a double holds of a decimal fraction: 8.8 is written as that. */
#define REAL_DIGITS 15

static int write_text(const json_t *json, size_t flags, Buffer *buffer)
{
	_cleanup_free_ char *text = NULL;
	int r;

	watch_allocations();
	text = json_dumps(json, flags | JSON_SORT_KEYS | JSON_REAL_PRECISION(REAL_DIGITS));
	if (!text || allocation_failed)
		return -ENOMEM;
	r = buffer_text(buffer, text);
	return r < 0 ? r : buffer_text(buffer, "\n");
}

int document_write(const json_t *json, Buffer *buffer)
{
	return write_text(json, JSON_COMPACT, buffer);
}

int document_write_indented(const json_t *json, Buffer *buffer)
{
	return write_text(json, JSON_INDENT(2), buffer);
}

const char *document_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

json_int_t document_number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

int64_t document_time(const json_t *object, const char *member)
{
	int64_t seconds = 0;

	(void)time_parse(document_text(object, member), &seconds);
	return seconds;
}
