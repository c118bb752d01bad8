/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/automatic.h"

#include <stdio.h>
#include <string.h>

#include "device/ctl/policy-screen.h"
#include "device/ctl/text.h"
#include "wire/json/document.h"

#define SCHEMA 1

int automatic_set(Manager *manager, const char *mode, Reason *reterr_reason)
{
	int r = policy_keep(
		manager->policy, manager->root, "install", "automatic", mode, reterr_reason);
	Policy *policy;

	if (r == 0)
		r = policy_load(manager->root, &policy);
	if (r < 0)
		return r;
	policy_free(manager->policy);
	manager->policy = policy;
	manager->config = policy->config;
	return 0;
}

json_t *automatic_json(const Manager *manager, bool was_set)
{
	const PolicyValue *value = policy_value(manager->policy, "install", "automatic");
	const char *name = manager->config.organisation;

	return json_pack("{s:i, s:s, s:b, s:b, s:s?, s:s, s:s?, s:o}", "schema", SCHEMA,
		"automatic", value->text, "changed", was_set, "automatic_managed",
		value->layer == POLICY_MANAGED, "organisation", name[0] ? name : NULL, "layer",
		policy_layer_names[value->layer], "file", value->file, "line",
		value->line > 0 ? json_integer(value->line) : json_null());
}

void automatic_print(const json_t *automatic)
{
	const char *mode = document_text(automatic, "automatic");
	char manager[POLICY_SCREEN_MANAGER_SIZE];

	policy_screen_manager(automatic, manager);
	printf("%s%s", mode, manager);
	if (strcmp(mode, "install") == 0)
		printf(_(": improvements are downloaded and installed by themselves.\n"));
	else if (strcmp(mode, "download") == 0)
		printf(_(": improvements are downloaded, and 'suture install' installs them.\n"));
	else
		printf(_(": improvements are only looked for, and 'suture install' installs "
			 "them.\n"));
	if (strcmp(mode, "off") == 0)
		printf(_("Until then this machine and its data are less protected: the fixes come "
			 "with the next update\nof the system.\n"));
}
