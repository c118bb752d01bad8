/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/installation.h"

#include <stdio.h>
#include <string.h>

#include "device/ctl/impact.h"
#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

#define SCHEMA 1

static json_t *describe_trial(const Outcome *result)
{
	if (result->trial_seconds == 0)
		return json_null();
	return json_pack("{s:I, s:I}", "seconds", (json_int_t)result->trial_seconds, "units",
		(json_int_t)result->trial_units);
}

json_t *installation_json(
	const Manager *manager, const Outcome *result, bool is_preview, const char *way)
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
		"dry_run", is_preview, "impact", impact_json(&result->impact), "trial",
		describe_trial(result), "restarting", way);
	if (installation && result->problem.text[0])
		json_object_set_new(installation, "problem", json_string(result->problem.text));
	return installation;
}

static void print_impact(const json_t *installation)
{
	const json_t *impact = json_object_get(installation, "impact");

	if (json_is_object(impact))
		impact_print(impact, _("replaced code"));
}

static void print_next_step(const json_t *installation)
{
	const char *scope = document_text(installation, "scope");
	const char *way = document_text(installation, "restarting");

	if (way[0])
		printf(_("The machine restarts now (%s).\n"), way);
	else if (document_number(installation, "sequence") > 0 &&
		!json_is_true(json_object_get(installation, "grafted")))
		printf(_("It takes a restart (%s); 'suture install --restart' does it.\n"), scope);
}

static void print_preview(const json_t *installation)
{
	const char *scope = document_text(installation, "scope");
	bool is_live = strcmp(scope, "none") == 0 || strcmp(scope, "services") == 0;

	printf(_("%s is downloaded, and nothing was changed. %s\n"),
		document_text(installation, "label"),
		is_live ? _("It can be installed while the system runs.")
			: _("Installed, it becomes active at the next restart."));
	if (!is_live)
		printf(_("It takes a restart (%s).\n"), scope);
	print_impact(installation);
}

static void print_installed(const json_t *installation)
{
	const json_t *trial = json_object_get(installation, "trial");
	char size[ROW_SIZE_TEXT_SIZE];

	row_size(document_number(installation, "payload_bytes"), size);
	printf(_("Installed %s: %s downloaded, switched in %lld microseconds.\n"),
		document_text(installation, "label"), size,
		(long long)document_number(installation, "switch_us"));
	if (json_is_object(json_object_get(installation, "impact")))
		print_impact(installation);
	else
		printf(_("Programs that already run keep the old code until they are restarted;\n"
			 "'suture exposure' lists them.\n"));
	if (json_is_object(trial))
		printf(_n("It is on trial for %lld seconds, with %lld service watched.\n",
			       "It is on trial for %lld seconds, with %lld services watched.\n",
			       document_number(trial, "units")),
			(long long)document_number(trial, "seconds"),
			(long long)document_number(trial, "units"));
}

void installation_print(const json_t *installation)
{
	if (json_is_true(json_object_get(installation, "dry_run"))) {
		print_preview(installation);
		return;
	}
	if (json_is_true(json_object_get(installation, "grafted")))
		print_installed(installation);
	else if (document_number(installation, "sequence") > 0)
		printf(_("%s is staged and becomes active at the next restart.\n"),
			document_text(installation, "label"));
	print_next_step(installation);
}
