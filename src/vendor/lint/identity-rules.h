/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * IdentityRules: what in a file says which version of what it is, so that lint can tell when an
 * improvement would change that (doc/format/identity-rules.md). Programs, licences and tests ask
 * for these texts; an improvement mends a version, it makes no other.
 *
 *     identity_rules_defaults(&rules);
 *     identity_rules_read(&rules, text, size, &reason);      the vendor's: one of the same name
 *     identity_rules_find(&rule, data, size, &texts);        replaces the default
 *     identity_rules_done(&rules);
 */
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/reason.h"

#define IDENTITY_RULES_SIZE_MAX ((size_t)1 << 20)

typedef enum IdentityLevel { IDENTITY_OFF, IDENTITY_WARNING, IDENTITY_ERROR } IdentityLevel;

typedef struct IdentityRule {
	IdentityLevel level;
	char *name;
	char *pattern; /* of paths; `*` matches slashes, too */
	regex_t expression;
	bool is_compiled;
} IdentityRule;

typedef struct IdentityRules {
	IdentityRule *items;
	size_t count;
} IdentityRules;

int identity_rules_defaults(IdentityRules *rules); /* 0 or -ENOMEM */

/* Pure. -EBADMSG with the number of the line. */
int identity_rules_read(IdentityRules *rules, const void *text, size_t size, Reason *reterr_reason);
void identity_rules_done(IdentityRules *rules);
#define _cleanup_identity_rules_ _cleanup_(identity_rules_done)

bool identity_rule_is_for(const IdentityRule *rule, const char *path);

typedef struct IdentityTexts {
	char **items; /* sorted, each once */
	size_t count;
} IdentityTexts;

/* What the rule finds in the printable texts of a file. 0 or -ENOMEM. */
int identity_rule_find(
	const IdentityRule *rule, const uint8_t *data, size_t size, IdentityTexts *ret_texts);
void identity_texts_done(IdentityTexts *texts);
#define _cleanup_identity_texts_ _cleanup_(identity_texts_done)
