/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/permission.h"

#include <errno.h>

static int refuse(const Policy *policy, const char *key, const char *what, Reason *reason)
{
	const PolicyValue *value = policy_value(policy, "install", key);
	bool managed = value->layer == POLICY_MANAGED;

	return reason_set(reason, -EPERM, "%s is switched off%s%s: %s = %s in %s, line %u", what,
		managed ? " by " : "", managed ? policy_organisation(policy) : "", key, value->text,
		value->file, value->line);
}

int permission_to_install(const Manager *manager, Reason *reterr_reason)
{
	return manager->config.forbids_install
		? refuse(manager->policy, "allow", "installing by hand", reterr_reason)
		: 0;
}

int permission_to_remove(const Manager *manager, Reason *reterr_reason)
{
	return manager->config.forbids_removal
		? refuse(manager->policy, "removal", "removing improvements", reterr_reason)
		: 0;
}
