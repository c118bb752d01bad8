/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/removal.h"

#include <stdio.h>

#include "device/ctl/impact.h"
#include "device/ctl/text.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

#define SCHEMA 1

json_t *removal_json(const Manager *manager, const Outcome *outcome, bool is_preview)
{
	char label[LABEL_TEXT_SIZE];
	json_t *removal;

	label_shown(manager->identity.version_id, is_preview ? outcome->sequence : 0, label);
	removal = json_pack("{s:i, s:s, s:I, s:b, s:s, s:o}", "schema", SCHEMA, "label", label,
		"switch_us", (json_int_t)outcome->switch_us, "dry_run", is_preview, "scope",
		restart_scope_names[outcome->impact.scope], "impact",
		impact_json(&outcome->impact));
	if (removal && outcome->problem.text[0])
		json_object_set_new(removal, "problem", json_string(outcome->problem.text));
	return removal;
}

void removal_print_switch(const char *base_version, uint64_t switch_us)
{
	printf(_("This is %s again, switched in %llu microseconds.\n"
		 "What was removed stays off until there is a newer improvement.\n"),
		base_version, (unsigned long long)switch_us);
	fflush(stdout);
}

void removal_print(const json_t *removal)
{
	const json_t *impact = json_object_get(removal, "impact");
	bool is_preview = json_is_true(json_object_get(removal, "dry_run"));

	if (is_preview)
		printf(_("%s would be taken off, and nothing was changed.\n"),
			document_text(removal, "label"));
	if (json_is_object(impact))
		impact_print(
			impact, is_preview ? _("what would be removed") : _("what was removed"));
	else
		printf(_("Programs that already run keep what %s until they are restarted.\n"),
			is_preview ? _("would be removed") : _("was removed"));
}

void removal_print_all(const json_t *removal)
{
	if (!json_is_true(json_object_get(removal, "dry_run")))
		removal_print_switch(document_text(removal, "label"),
			(uint64_t)document_number(removal, "switch_us"));
	removal_print(removal);
}
