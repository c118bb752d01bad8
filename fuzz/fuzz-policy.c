/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a policy, with NUL bytes between them. The first is the vendor's, the next the owner's,
 * a command's and two of the organisation's, and so on. What counts in the end has to count as well
 * when it stands in one file. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "device/policy/policy.h"
#include "device/policy/wait.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Policy *read_files(const uint8_t *data, size_t size)
{
	static const PolicyLayer layers[] = {
		POLICY_VENDOR, POLICY_OWNER, POLICY_COMMAND, POLICY_MANAGED, POLICY_MANAGED};
	const uint8_t *end = data + size;
	Policy *policy = policy_new();

	for (size_t i = 0; policy && data < end; i++) {
		const uint8_t *zero = memchr(data, 0, (size_t)(end - data));
		size_t length = (size_t)((zero ? zero : end) - data);

		if (policy_add(policy, layers[i % ARRAY_SIZE(layers)], "file", data, length) < 0)
			abort();
		data += length + 1;
	}
	if (!policy || policy_settle(policy) < 0)
		abort();
	return policy;
}

static Policy *read_again(const Policy *policy)
{
	_cleanup_buffer_ Buffer text = {};
	Policy *again;

	for (size_t i = 0; i < policy->value_count; i++) {
		const PolicyValue *value = &policy->values[i];

		if (value->text[0] &&
			buffer_printf(&text, "[%s]\n%s = %s\n", value->section, value->key,
				value->text) < 0)
			abort();
	}
	again = read_files(text.data, text.size);
	if (again->mistake_count > 0)
		abort();
	return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_policy_ Policy *policy = read_files(data, size), *again = read_again(policy);
	const Config *config = &policy->config;
	const EnforcementDevice device = {"26.3.1", 1, 3};
	EnforcementNext next;
	int64_t time;

	if (policy->value_count != again->value_count ||
		policy->mistake_count > POLICY_MISTAKES_MAX)
		abort();
	for (size_t i = 0; i < policy->value_count; i++)
		if (strcmp(policy->values[i].text, again->values[i].text) != 0)
			abort();
	if (enforcement_next(config->enforcements, config->enforcement_count, &device, &next) ==
			0 &&
		next.sequence != device.offered)
		abort();
	policy_decide(
		config, &(Conditions){.is_metered = true}, &(Work){.download = 1}, STEP_INSTALL, 0);
	if (window_next(config->windows, config->window_count, 0, &time) == 0 &&
		!window_is_open(config->windows, config->window_count, time))
		abort();
	return 0;
}
