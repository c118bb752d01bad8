/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's rules, and what they find in the bytes behind them. */
#include <stdlib.h>
#include <string.h>

#include "vendor/lint/identity-rules.h"

#define RULES_MAX 512 /* longer expressions only make regcomp(3) slow, which is not ours */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_identity_rules_ IdentityRules rules = {};
	const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
	size_t length = end ? (size_t)(end - data) : size;
	Reason reason = {};

	if (length > RULES_MAX || identity_rules_read(&rules, data, length, &reason) < 0)
		return 0;
	for (size_t i = 0; i < rules.count; i++) {
		_cleanup_identity_texts_ IdentityTexts texts = {};

		if (identity_rule_find(&rules.items[i], data, size, &texts) < 0)
			return 0;
		for (size_t j = 1; j < texts.count; j++)
			if (strcmp(texts.items[j - 1], texts.items[j]) >= 0)
				abort();
	}
	return 0;
}
