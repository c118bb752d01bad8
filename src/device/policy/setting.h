/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Setting: one line of a file that sets a key, as Policy keeps it until it is settled. */
#include "device/policy/key.h"
#include "device/policy/policy.h"

typedef struct PolicySetting {
	const Key *key;
	PolicyLayer layer;
	const char *file; /* one of policy->files */
	unsigned line;    /* 0: of no line, but since the file cannot be read */
	char *value;      /* one that the key may have; empty: a list begins anew */
	bool is_mistaken; /* the value is the key's safe one */
} PolicySetting;

/* Keeps "FILE:LINE: what" (line 0: "FILE: what"), or counts it. 0 or -ENOMEM. */
int policy_note(Policy *policy, const char *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A file that is there and cannot be read. What it protects is not known, so nothing is restarted
 * by itself. */
int policy_add_unreadable(Policy *policy, PolicyLayer layer, const char *name, const char *why);
