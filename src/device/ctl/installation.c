/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/installation.h"

#include <stdio.h>
#include <string.h>

#include "wire/improvement/label.h"
#include "wire/json/document.h"

#define SCHEMA 1

static json_t *describe_impact(const Impact *impact)
{
	if (!impact->is_known)
		return json_null();
	return json_pack("{s:I, s:I, s:O}", "exposed", (json_int_t)impact->exposed, "left",
		(json_int_t)impact->left, "restarts", impact->report);
}

static json_t *describe_trial(const InstallResult *result)
{
	if (result->trial_seconds == 0)
		return json_null();
	return json_pack("{s:I, s:I}", "seconds", (json_int_t)result->trial_seconds, "units",
		(json_int_t)result->trial_units);
}

json_t *installation_json(
	const Manager *manager, const InstallResult *result, bool is_preview, const char *way)
{
	char label[LABEL_TEXT_SIZE];
	json_t *installation;

	label_shown(manager->identity.version_id, result->sequence, label);
	installation = json_pack(
		"{s:i, s:s, s:I, s:i, s:b, s:I, s:I, s:I, s:b, s:s, s:b, s:o, s:o, s:s?}", "schema",
		SCHEMA, "label", label, "sequence", (json_int_t)result->sequence, "generation",
		(int)result->stage.generation, "grafted", result->grafted, "payload_bytes",
		(json_int_t)result->stage.payload_bytes, "wire_bytes",
		(json_int_t)result->stage.wire_bytes, "switch_us", (json_int_t)result->switch_us,
		"used_delta", result->stage.used_delta, "scope", restart_scope_names[result->scope],
		"dry_run", is_preview, "impact", describe_impact(&result->impact), "trial",
		describe_trial(result), "restarting", way);
	if (installation && result->problem.text[0])
		json_object_set_new(installation, "problem", json_string(result->problem.text));
	return installation;
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static bool is_restart(const json_t *unit)
{
	const char *action = document_text(unit, "action");

	return strcmp(action, "restart") == 0 || strcmp(action, "reload") == 0 ||
		strcmp(action, "reexecute") == 0;
}

/* "Would restart: nginx, ssh". Kinds of units are for those who know them. */
static void print_units(const char *before, const json_t *units, bool failed)
{
	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);
		const char *name = document_text(unit, "unit");
		size_t length = strlen(name) - (strstr(name, ".service") ? strlen(".service") : 0);

		if (!is_restart(unit) || json_is_true(json_object_get(unit, "failed")) != failed)
			continue;
		printf("%s%.*s", before, (int)length, name);
		before = ", ";
	}
	if (before[0] == ',')
		printf("\n");
}

static void print_kept(const json_t *units)
{
	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);
		const char *name = document_text(unit, "unit");
		const json_t *pids = json_object_get(unit, "pids");

		if (is_restart(unit))
			continue;
		if (name[0])
			printf("Stays: %s: ", name);
		else
			printf("Stays: %zu %s of no unit: ", json_array_size(pids),
				json_array_size(pids) == 1 ? "process" : "processes");
		printf("%s\n", document_text(unit, "advice"));
	}
}

static void print_impact(const json_t *installation)
{
	const json_t *impact = json_object_get(installation, "impact");
	const json_t *report = json_object_get(impact, "restarts");
	const json_t *units = json_object_get(report, "units");
	bool has_run = json_object_get(report, "failed") != NULL;

	if (!json_is_object(impact))
		return;
	printf("%lld %s replaced code%s", (long long)number_of(impact, "exposed"),
		number_of(impact, "exposed") == 1 ? "process runs" : "processes run",
		has_run ? "" : ".\n");
	if (has_run)
		printf("; after the restarts %lld.\n", (long long)number_of(impact, "left"));
	print_units(has_run ? "Restarted: " : "Would restart: ", units, false);
	print_units("Failed: ", units, true);
	print_kept(units);
}

static void print_next_step(const json_t *installation)
{
	const char *scope = document_text(installation, "scope");
	const char *way = document_text(installation, "restarting");

	if (way[0])
		printf("The machine restarts now (%s).\n", way);
	else if (number_of(installation, "sequence") > 0 &&
		!json_is_true(json_object_get(installation, "grafted")))
		printf("It takes a restart (%s); 'suture install --restart' does it.\n", scope);
}

static void print_preview(const json_t *installation)
{
	const char *scope = document_text(installation, "scope");
	bool is_live = strcmp(scope, "none") == 0 || strcmp(scope, "services") == 0;

	printf("%s is downloaded, and nothing was changed. %s\n",
		document_text(installation, "label"),
		is_live ? "It can be installed while the system runs."
			: "Installed, it becomes active at the next restart.");
	if (!is_live)
		printf("It takes a restart (%s).\n", scope);
	print_impact(installation);
}

static void print_installed(const json_t *installation)
{
	const json_t *trial = json_object_get(installation, "trial");

	printf("Installed %s: %lld bytes downloaded, switched in %lld microseconds.\n",
		document_text(installation, "label"),
		(long long)number_of(installation, "payload_bytes"),
		(long long)number_of(installation, "switch_us"));
	if (json_is_object(json_object_get(installation, "impact")))
		print_impact(installation);
	else
		printf("Programs that already run keep the old code until they are restarted;\n"
		       "'suture exposure' lists them.\n");
	if (json_is_object(trial))
		printf("It is on trial for %lld seconds, with %lld services watched.\n",
			(long long)number_of(trial, "seconds"),
			(long long)number_of(trial, "units"));
}

void installation_print(const json_t *installation)
{
	if (json_is_true(json_object_get(installation, "dry_run"))) {
		print_preview(installation);
		return;
	}
	if (json_is_true(json_object_get(installation, "grafted")))
		print_installed(installation);
	else if (number_of(installation, "sequence") > 0)
		printf("%s is staged and becomes active at the next restart.\n",
			document_text(installation, "label"));
	print_next_step(installation);
}
