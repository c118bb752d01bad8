/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/status-policy.h"

#include "base/time.h"
#include "device/policy/postponement.h"

json_t *status_mistakes(const Policy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->mistake_count; i++)
		json_array_append_new(list, json_string(policy->mistakes[i].text));
	return list;
}

static json_t *describe_postponement(const Manager *manager)
{
	char text[TIME_TEXT_SIZE];
	Postponement postponement;
	uint64_t installed;
	uint32_t number;
	int64_t until = 0;

	if (manager_installed(manager, &number, &installed, NULL) == 0 &&
		postponement_read(manager->root, installed, &postponement) == 0)
		until = postpone_until(&postponement, manager->config.postpone_limit, time_now());
	if (until == 0)
		return json_null();
	time_format(until, text);
	return json_string(text);
}

json_t *status_policy(const Manager *manager)
{
	const Policy *policy = manager->policy;
	const char *name = policy->config.organisation;

	return json_pack("{s:s?, s:b, s:b, s:b, s:o, s:o, s:I}", "organisation",
		name[0] ? name : NULL, "automatic_managed",
		policy_is_managed(policy, "install", "automatic"), "install_allowed",
		!policy->config.forbids_install, "removal_allowed", !policy->config.forbids_removal,
		"postponed_until", describe_postponement(manager), "mistakes",
		status_mistakes(policy), "mistakes_left_out",
		(json_int_t)policy->mistakes_left_out);
}
