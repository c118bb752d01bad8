/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "wire/json/document.h"

#define SCHEMA      1
#define TIME_FIELD  "microseconds="
#define COVER_FIELD "\ncover by="

/* A member that must be a number from 0 to max. */
static int take_number(const json_t *json, const char *name, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(json, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		(uint64_t)json_integer_value(value) > max)
		return -EBADMSG;
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

static int take_time(const json_t *json, const char *name, int64_t *ret)
{
	uint64_t seconds;
	int r = take_number(json, name, (uint64_t)TIME_MAX, &seconds);

	if (r == 0)
		*ret = (int64_t)seconds;
	return r;
}

static int take_word(const json_t *json, const char *name, char ret[static REPORT_WORD_MAX + 1])
{
	const char *word = json_string_value(json_object_get(json, name));

	if (!word || strlen(word) > REPORT_WORD_MAX || !text_is_printable(word))
		return -EBADMSG;
	snprintf(ret, REPORT_WORD_MAX + 1, "%s", word);
	return 0;
}

/* Empty where there is none: it is no part of the result that anything depends on. */
static void take_sentence(const json_t *json, const char *name, char ret[static REASON_TEXT_MAX])
{
	const char *text = document_text(json, name);

	snprintf(ret, REASON_TEXT_MAX, "%s", text_is_printable(text) ? text : "");
}

int report_stage(const void *text, size_t size, StageResult *ret_result, Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = NULL;
	uint64_t schema, generation;
	StageResult result = {};
	int r = document_parse(text, size, &json, reterr_reason);

	if (r < 0)
		return r;
	if (take_number(json, "schema", SCHEMA, &schema) < 0 || schema != SCHEMA ||
		take_number(json, "generation", UINT32_MAX, &generation) < 0 ||
		take_number(json, "requests", INT64_MAX, &result.requests) < 0 ||
		take_number(json, "wire_bytes", INT64_MAX, &result.wire_bytes) < 0 ||
		take_number(json, "payload_bytes", INT64_MAX, &result.payload_bytes) < 0 ||
		take_time(json, "issued", &result.issued) < 0 ||
		take_time(json, "expires", &result.expires) < 0)
		return reason_set(reterr_reason, -EBADMSG,
			"suture-stage gave an answer that this version does not understand");
	result.generation = (uint32_t)generation;
	result.changed = json_is_true(json_object_get(json, "changed"));
	result.used_delta = json_is_true(json_object_get(json, "used_delta"));
	result.used_full = json_is_true(json_object_get(json, "used_full"));
	result.notes_asked = json_is_true(json_object_get(json, "notes_asked"));
	take_sentence(json, "notes_problem", result.notes_problem);
	*ret_result = result;
	return 0;
}

int report_progress(const char *line, ProgressReport *ret_progress)
{
	_cleanup_json_ json_t *json = NULL;
	ProgressReport progress;
	int r = document_parse(line, strlen(line), &json, NULL);

	if (r < 0)
		return r;
	if (take_word(json, "phase", progress.phase) < 0 ||
		take_word(json, "component", progress.component) < 0 ||
		take_number(json, "done", INT64_MAX, &progress.done) < 0 ||
		take_number(json, "total", INT64_MAX, &progress.total) < 0)
		return -EBADMSG;
	*ret_progress = progress;
	return 0;
}

int report_restarts(const void *text, size_t size, json_t **ret_report, Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = NULL;
	uint64_t schema;
	int r = document_parse(text, size, &json, reterr_reason);

	if (r < 0)
		return r;
	if (take_number(json, "schema", SCHEMA, &schema) < 0 || schema != SCHEMA ||
		!json_is_array(json_object_get(json, "units")))
		return reason_set(reterr_reason, -EBADMSG,
			"suture-restart gave an answer that this version does not understand");
	*ret_report = TAKE_PTR(json);
	return 0;
}

uint64_t report_microseconds(const char *text)
{
	const char *time = strstr(text, TIME_FIELD);

	return time ? strtoull(time + strlen(TIME_FIELD), NULL, 10) : 0;
}

void report_cover(const char *text, char ret_cover[static REPORT_WORD_MAX + 1])
{
	const char *by = strstr(text, COVER_FIELD);

	by = by ? by + strlen(COVER_FIELD) : "";
	snprintf(ret_cover, REPORT_WORD_MAX + 1, "%.*s", (int)strcspn(by, " \n"), by);
}

int report_status_number(const char *text, const char *key, uint32_t *ret_number)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char word[REPORT_WORD_MAX + 1];
		uint64_t number;

		line += line[0] == '\n';
		if (strncmp(line, key, length) != 0 || line[length] != ' ')
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(line + length + 1, "\n"),
			line + length + 1);
		if (text_to_u64(word, UINT32_MAX, &number) < 0)
			return -ENOENT;
		*ret_number = (uint32_t)number;
		return 0;
	}
	return -ENOENT;
}
