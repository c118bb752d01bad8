/* SPDX-License-Identifier: Apache-2.0 */
/* How all that stands in the files becomes what counts. */
#include <errno.h>
#include <string.h>

#include "device/policy/setting.h"

static int add_value(Policy *policy, const Key *key, const PolicySetting *setting, const char *text)
{
	PolicyValue value = {.section = key->section,
		.key = key->name,
		.text = memory_string(text),
		.is_list = key->merge == MERGE_UNION};

	if (setting) {
		value.layer = setting->layer;
		value.file = setting->file;
		value.line = setting->line;
		value.is_mistaken = setting->is_mistaken;
	}
	if (!value.text || memory_grow(&policy->values, policy->value_count, sizeof(value)) < 0) {
		memory_free(value.text);
		return -ENOMEM;
	}
	policy->values[policy->value_count++] = value;
	return 0;
}

/* Of several managed files; `config` is where values are tried. */
static bool replaces(const PolicySetting *setting, const PolicySetting *before, Config *config)
{
	const Key *key = setting->key;

	if (!setting->value[0] || !before->value[0])
		return setting->value[0] || before->layer != POLICY_MANAGED;
	switch (before->layer == POLICY_MANAGED ? key->merge : MERGE_LAST) {
	case MERGE_NO: return strcmp(before->value, "no") != 0;
	case MERGE_LEAST:
	case MERGE_MOST: return key_is_stricter(key, config, before->value, setting->value);
	default: return true;
	}
}

/* Whether somebody set the key whom the owner cannot overrule. */
static bool is_managed(const Policy *policy, const Key *key)
{
	for (size_t i = 0; i < policy->setting_count; i++)
		if (policy->settings[i].key == key && policy->settings[i].layer == POLICY_MANAGED)
			return true;
	return false;
}

static bool counts(const PolicySetting *setting, const Key *key, bool managed)
{
	return setting->key == key && (setting->layer == POLICY_MANAGED || !managed);
}

static int settle_scalar(Policy *policy, const Key *key)
{
	bool managed = is_managed(policy, key);
	const PolicySetting *best = NULL;
	const char *value;

	for (size_t i = 0; i < policy->setting_count; i++) {
		const PolicySetting *setting = &policy->settings[i];

		if (counts(setting, key, managed) &&
			(!best || replaces(setting, best, &policy->config)))
			best = setting;
	}
	value = best ? best->value : key->fallback;
	if (value[0] && key->set(key, &policy->config, value) < 0)
		return -EINVAL; /* a fallback or safe value that the key may not have */
	return add_value(policy, key, best, value);
}

static bool is_listed(const Policy *policy, size_t first, const char *text)
{
	for (size_t i = first; i < policy->value_count; i++)
		if (strcmp(policy->values[i].text, text) == 0)
			return true;
	return false;
}

static int settle_entry(Policy *policy, const PolicySetting *setting, size_t first)
{
	const Key *key = setting->key;

	if (is_listed(policy, first, setting->value))
		return 0;
	if (key->set(key, &policy->config, setting->value) == 0)
		return add_value(policy, key, setting, setting->value);
	return policy_note(policy, setting->file, setting->line,
		"%s is given too often: this one is left out", key->name);
}

/* The last empty entry, from which on the list counts. A managed one takes nothing off another
 * managed file's. */
static size_t find_start(const Policy *policy, const Key *key, bool managed)
{
	size_t start = 0;

	for (size_t i = 0; i < policy->setting_count && !managed; i++)
		if (policy->settings[i].key == key && !policy->settings[i].value[0])
			start = i + 1;
	return start;
}

static int settle_list(Policy *policy, const Key *key)
{
	bool managed = is_managed(policy, key);
	size_t start = find_start(policy, key, managed), first = policy->value_count;
	const PolicySetting *emptied = NULL;

	for (size_t i = 0; i < policy->setting_count; i++) {
		const PolicySetting *setting = &policy->settings[i];
		int r = 0;

		if (!counts(setting, key, managed))
			continue;
		if (!setting->value[0])
			emptied = setting;
		else if (i >= start)
			r = settle_entry(policy, setting, first);
		if (r < 0)
			return r;
	}
	return policy->value_count > first ? 0 : add_value(policy, key, emptied, "");
}

int policy_settle(Policy *policy)
{
	int r = 0;

	policy->config = (Config){};
	for (const Key *key = keys; r == 0 && key->name; key++)
		r = key->merge == MERGE_UNION ? settle_list(policy, key)
					      : settle_scalar(policy, key);
	return r;
}
