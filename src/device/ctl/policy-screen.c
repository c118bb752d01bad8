/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/policy-screen.h"

#include <stdio.h>
#include <string.h>

#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "device/manager/status-policy.h"
#include "wire/json/document.h"

#define SCHEMA 1

static json_t *describe_value(const PolicyValue *value)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:b, s:b}", "section", value->section,
		"key", value->key, "value", value->text, "layer", policy_layer_names[value->layer],
		"file", value->file, "line",
		value->line > 0 ? json_integer(value->line) : json_null(), "managed",
		value->layer == POLICY_MANAGED, "mistaken", value->is_mistaken);
}

static json_t *list_values(const Policy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->value_count; i++)
		json_array_append_new(list, describe_value(&policy->values[i]));
	return list;
}

json_t *policy_screen(const Policy *policy)
{
	const char *name = policy->config.organisation;

	return json_pack("{s:i, s:s?, s:o, s:o, s:I}", "schema", SCHEMA, "organisation",
		name[0] ? name : NULL, "values", list_values(policy), "mistakes",
		status_mistakes(policy), "mistakes_left_out",
		(json_int_t)policy->mistakes_left_out);
}

static void print_mistakes(const json_t *object, const char *told)
{
	const json_t *list = json_object_get(object, "mistakes");
	long long left_out = json_integer_value(json_object_get(object, "mistakes_left_out"));

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *mistake = json_string_value(json_array_get(list, i));

		if (!strstr(told, mistake))
			row_print(_("Config"), "%s", mistake);
	}
	if (left_out > 0)
		row_print(_("Config"), _("and %lld more mistakes"), left_out);
}

static void print_value(const json_t *value)
{
	const char *file = document_text(value, "file");
	char key[64];

	snprintf(key, sizeof(key), "%s.%s", document_text(value, "section"),
		document_text(value, "key"));
	printf("%-23s %-28s ", key,
		document_text(value, "value")[0] ? document_text(value, "value") : "-");
	if (!file[0])
		printf(_("default"));
	else if (json_is_integer(json_object_get(value, "line")))
		printf("%s:%lld", file,
			(long long)json_integer_value(json_object_get(value, "line")));
	else
		printf("%s", file);
	printf("%s%s\n", json_is_true(json_object_get(value, "managed")) ? _(", managed") : "",
		json_is_true(json_object_get(value, "mistaken")) ? _(", cannot be read") : "");
}

void policy_screen_print(const json_t *screen)
{
	const json_t *values = json_object_get(screen, "values");

	if (document_text(screen, "organisation")[0])
		printf(_("Managed by %s\n"), document_text(screen, "organisation"));
	for (size_t i = 0; i < json_array_size(values); i++)
		print_value(json_array_get(values, i));
	print_mistakes(screen, "");
}

static void print_enforcement(const json_t *enforcement)
{
	const char *details = document_text(enforcement, "details_url");
	char deadline[ROW_TIME_TEXT_SIZE];

	row_time(document_text(enforcement, "deadline"), deadline);
	if (deadline[0])
		row_print(_("Required"), _("%s by %s%s%s"),
			document_text(enforcement, "improvement"), deadline,
			details[0] ? _(", see ") : "", details);
}

void policy_screen_print_summary(const json_t *summary, const char *problem)
{
	char until[ROW_TIME_TEXT_SIZE];

	row_time(document_text(summary, "postponed_until"), until);
	if (problem[0])
		row_print(_("Config"), "%s", problem);
	print_mistakes(summary, problem);
	if (until[0])
		row_print(_("Postponed"), _("until %s"), until);
	print_enforcement(json_object_get(summary, "enforcement"));
}

void policy_screen_manager(const json_t *object, char ret_text[static POLICY_SCREEN_MANAGER_SIZE])
{
	const char *name = document_text(object, "organisation");

	ret_text[0] = '\0';
	if (json_is_true(json_object_get(object, "automatic_managed")))
		snprintf(ret_text, POLICY_SCREEN_MANAGER_SIZE, _(" (managed by %s)"),
			name[0] ? name : _("your organisation"));
}
