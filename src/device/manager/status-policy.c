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

/* When people are told of the deadline before it comes, in the order of suture.conf. */
static json_t *list_warnings(const Config *config, int64_t deadline)
{
	json_t *list = json_array();
	char text[TIME_TEXT_SIZE];

	for (size_t i = 0; i < config->warning_count; i++) {
		time_format(deadline - config->warnings[i], text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *describe_enforcement(const Manager *manager, const Offer *offer)
{
	const Config *config = &manager->config;
	EnforcementDevice device = {.version = manager->identity.version_id,
		.offered = offer->improvement ? offer->improvement->sequence : 0};
	char deadline[TIME_TEXT_SIZE];
	EnforcementNext next;
	uint32_t number;

	if (manager_installed(manager, &number, &device.installed, NULL) < 0 ||
		enforcement_next(config->enforcements, config->enforcement_count, &device, &next) !=
			0)
		return json_null();
	time_format(next.deadline, deadline);
	return json_pack("{s:s, s:I, s:s, s:o, s:s?}", "improvement", next.enforcement->improvement,
		"sequence", (json_int_t)next.sequence, "deadline", deadline, "warnings",
		list_warnings(config, next.deadline), "details_url",
		config->details_url[0] ? config->details_url : NULL);
}

json_t *status_policy(const Manager *manager, const Offer *offer)
{
	const Policy *policy = manager->policy;
	const char *name = policy->config.organisation;

	return json_pack("{s:s?, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:I}", "organisation",
		name[0] ? name : NULL, "notify", config_notify_words[policy->config.notify],
		"automatic_managed", policy_is_managed(policy, "install", "automatic"),
		"install_allowed", !policy->config.forbids_install, "removal_allowed",
		!policy->config.forbids_removal, "postponed_until", describe_postponement(manager),
		"enforcement", describe_enforcement(manager, offer), "mistakes",
		status_mistakes(policy), "mistakes_left_out",
		(json_int_t)policy->mistakes_left_out);
}
