/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/summary.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "wire/json/document.h"

/* Each line repeats where it is, so that a small file with long names could fill the memory. */
#define TEXT_SIZE_MAX ((size_t)64 << 20) /* 13 times the largest file */

/* What a body says, as the members of an object: they are found fast and keep their order. */
typedef struct Lines {
	json_t *values; /* "where: value" */
	json_t *named;  /* where each element with a name is */
	size_t size;    /* of the text that was made for both */
} Lines;

static void lines_done(Lines *lines)
{
	json_decref(lines->values);
	json_decref(lines->named);
}

/* A name or value as JSON would escape it: no line of the file can pretend to be another. */
static char *escaped(const json_t *value)
{
	return json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT);
}

static int flatten(const char *where, const json_t *value, Lines *lines);

static int count_text(Lines *lines, const char *text)
{
	lines->size += strlen(text);
	return lines->size <= TEXT_SIZE_MAX ? 0 : -EFBIG;
}

static char *place_of(const char *where, const char *name)
{
	_cleanup_json_ json_t *text = json_string(name);
	_cleanup_free_ char *shown = text ? escaped(text) : NULL;

	return shown ? memory_printf("%s%s%s", where, where[0] ? " " : "", shown) : NULL;
}

static int flatten_member(const char *where, const char *name, const json_t *value, Lines *lines)
{
	_cleanup_free_ char *below = place_of(where, name);
	int r = below ? count_text(lines, below) : -ENOMEM;

	return r < 0 ? r : flatten(below, value, lines);
}

static int flatten_named(const char *where, const char *name, const json_t *value, Lines *lines)
{
	_cleanup_free_ char *below = place_of(where, name);

	if (!below || json_object_set_new(lines->named, below, json_true()) < 0)
		return -ENOMEM;
	return flatten(below, value, lines);
}

/* Elements are told by their name where they have one, and else by what they are: one that is added
 * to a list of keyids or of roles does not move all others. */
static int flatten_list(const char *where, const json_t *list, Lines *lines)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *each = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(each, "name"));

		r = name ? flatten_named(where, name, each, lines) : flatten(where, each, lines);
	}
	return r;
}

static int flatten_value(const char *where, const json_t *value, Lines *lines)
{
	_cleanup_free_ char *shown = escaped(value);
	_cleanup_free_ char *line = shown ? memory_printf("%s: %s", where, shown) : NULL;

	int r = line ? count_text(lines, line) : -ENOMEM;

	if (r < 0)
		return r;
	return json_object_set_new(lines->values, line, json_true()) < 0 ? -ENOMEM : 0;
}

static int flatten(const char *where, const json_t *value, Lines *lines)
{
	const char *name;
	json_t *member;
	int r = 0;

	if (json_is_array(value) && json_array_size(value) > 0)
		return flatten_list(where, value, lines);
	if (!json_is_object(value) || json_object_size(value) == 0)
		return flatten_value(where, value, lines);
	json_object_foreach((json_t *)value, name, member)
	{
		if (r == 0)
			r = flatten_member(where, name, member, lines);
	}
	return r;
}

static int append_missing(const json_t *from, const json_t *in, char sign, json_t *list)
{
	const char *line;
	json_t *unused;
	int r = 0;

	json_object_foreach((json_t *)from, line, unused)
	{
		_cleanup_free_ char *text = NULL;

		if (r < 0 || json_object_get(in, line))
			continue;
		text = memory_printf("%c %s", sign, line);
		r = text ? json_array_append_new(list, json_string(text)) : -ENOMEM;
	}
	return r;
}

/* The members of one that the other has too, in its order. */
static json_t *common(const json_t *of, const json_t *with)
{
	json_t *list = json_array(), *unused;
	const char *name;

	json_object_foreach((json_t *)of, name, unused)
	{
		if (json_object_get(with, name) &&
			json_array_append_new(list, json_string(name)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Of delegated roles the first that knows a file counts. */
static int append_order(const Lines *before, const Lines *after, json_t *list)
{
	_cleanup_json_ json_t *was = common(before->named, after->named);
	_cleanup_json_ json_t *is = common(after->named, before->named);

	if (!was || !is)
		return -ENOMEM;
	return json_equal(was, is) ? 0 : json_array_append_new(list, json_string(SUMMARY_ORDER));
}

int summary_changes(const json_t *old, const json_t *new, json_t **ret_changes)
{
	_cleanup_(lines_done) Lines before = {json_object(), json_object()};
	_cleanup_(lines_done) Lines after = {json_object(), json_object()};
	_cleanup_json_ json_t *list = json_array();
	int r = old ? flatten("", old, &before) : 0;

	if (r == 0)
		r = flatten("", new, &after);
	if (r < 0)
		return r;
	if (append_missing(before.values, after.values, '-', list) < 0 ||
		append_missing(after.values, before.values, '+', list) < 0 ||
		append_order(&before, &after, list) < 0)
		return -ENOMEM;
	*ret_changes = TAKE_PTR(list);
	return 0;
}
