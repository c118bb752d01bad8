/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/seal/policy.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/seal/seal.h"

typedef enum Demand { DEMAND_UNSAID, DEMAND_REQUIRED, DEMAND_DIGEST_ONLY } Demand;

static int take_key(const Lines *lines, SealPolicy *policy, const char *value)
{
	if (policy->key_count == SEAL_KEYS_MAX)
		return lines_bad(lines, "too many keys");
	if (hex_decode(value, policy->keys[policy->key_count], ED25519_KEY_SIZE) < 0)
		return lines_bad(lines, "an ed25519 key in 64 lower-case hex digits is expected");
	policy->key_count++;
	return 0;
}

static int take_demand(const Lines *lines, Demand *demand, const char *value)
{
	if (*demand != DEMAND_UNSAID)
		return lines_bad(lines, "'seal' is said twice");
	if (strcmp(value, "required") == 0)
		*demand = DEMAND_REQUIRED;
	else if (strcmp(value, "digest-only") == 0)
		*demand = DEMAND_DIGEST_ONLY;
	else
		return lines_bad(lines, "'seal required' or 'seal digest-only' is expected");
	return 0;
}

static int take_verity(const Lines *lines, SealPolicy *policy, const char *value)
{
	if (policy->verity_required)
		return lines_bad(lines, "'verity' is said twice");
	if (strcmp(value, "required") != 0)
		return lines_bad(lines, "'verity required' is expected");
	policy->verity_required = true;
	return 0;
}

static int take_line(const Lines *lines, SealPolicy *policy, Demand *demand, const char *line)
{
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (text_starts_with(line, "key "))
		return take_key(lines, policy, line + strlen("key "));
	if (text_starts_with(line, "seal "))
		return take_demand(lines, demand, line + strlen("seal "));
	if (text_starts_with(line, "verity "))
		return take_verity(lines, policy, line + strlen("verity "));
	return lines_bad(lines, "neither 'seal', 'key' nor 'verity'");
}

int seal_policy_parse(const void *text, size_t size, SealPolicy *ret, Reason *reterr_reason)
{
	_cleanup_free_ char *copy = NULL;
	Lines lines = {.what = SEAL_POLICY_PATH, .reason = reterr_reason};
	Demand demand = DEMAND_UNSAID;
	SealPolicy policy = {};
	const char *line;
	int r;

	if (size > SEAL_POLICY_SIZE_MAX || (size > 0 && memchr(text, '\0', size)))
		return lines_bad(&lines, "too long, or not text");
	copy = memory_string_n(text, size);
	if (!copy)
		return -ENOMEM;
	lines.next = copy;
	while (*lines.next && (line = lines_any(&lines))) {
		r = take_line(&lines, &policy, &demand, line);
		if (r < 0)
			return r;
	}
	r = lines_end(&lines);
	if (r < 0)
		return r;
	if (demand == DEMAND_DIGEST_ONLY && policy.key_count > 0)
		return lines_bad(&lines, "keys beside 'seal digest-only': remove one of them");
	policy.required = demand == DEMAND_REQUIRED || policy.key_count > 0;
	*ret = policy;
	return 0;
}

int seal_policy_verify(const SealPolicy *policy, const void *text, size_t size,
	const uint8_t signature[static ED25519_SIGNATURE_SIZE])
{
	if (!policy->required)
		return 0;
	for (size_t i = 0; i < policy->key_count; i++) {
		int r = seal_verify(text, size, signature, policy->keys[i]);

		if (r != -EKEYREJECTED)
			return r;
	}
	return -EKEYREJECTED;
}
