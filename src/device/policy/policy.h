/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Policy: what the vendor, the owner and the organisation decided (suture.conf(5)), from all files,
 * lowest first:
 *
 *     vendor    usr/lib/suture/suture.conf (not read where the owner has an own one),
 *               usr/lib/suture/suture.conf.d/NAME.conf
 *     owner     etc/suture/suture.conf, etc/suture/suture.conf.d/NAME.conf
 *     command   var/lib/suture/owner.conf: what `suture automatic` and its like set
 *     managed   usr/lib/suture/policy.d, run/suture.policy.d (run/suture belongs to the activator,
 *               which hides what lies there) and etc/suture/policy.d: what is set there counts
 *               alone, and cannot be changed by the owner
 *
 *     r = policy_load("/", &policy);
 *     policy->config.automatic                                what counts
 *     policy_value(policy, "install", "automatic")->file      and who says so
 *     policy_free(policy);
 *
 * A mistake never makes the call fail. It is kept as a sentence with file and line, the key has its
 * safe value as if that stood there (key.c has it, suture.conf(5) tells it), and all else counts.
 */
#include "base/memory.h"
#include "base/reason.h"
#include "device/policy/config.h"

#define CONFIG_PATH         "etc/suture/suture.conf"
#define CONFIG_VENDOR_PATH  "usr/lib/suture/suture.conf"
#define POLICY_OWNER_PATH   "var/lib/suture/owner.conf"
#define POLICY_SIZE_MAX     65536 /* of one file */
#define POLICY_FILES_MAX    64    /* of one folder */
#define POLICY_MISTAKES_MAX 32    /* that are kept; the rest is counted */

typedef enum PolicyLayer {
	POLICY_DEFAULT,
	POLICY_VENDOR,
	POLICY_OWNER,
	POLICY_COMMAND,
	POLICY_MANAGED,
} PolicyLayer;
extern const char *const policy_layer_names[];

/* One row of the table: a key, or one entry of a key that may be given several times. */
typedef struct PolicyValue {
	const char *section, *key;
	char *text; /* what counts; empty: nothing */
	PolicyLayer layer;
	const char *file; /* with the root in front; NULL: built in */
	unsigned line;
	bool is_list;
	bool is_mistaken; /* the text is the safe value, since what stands there cannot be read */
} PolicyValue;

typedef struct Policy {
	Config config;
	PolicyValue *values; /* in the order of the manual; every key has a row, or more */
	size_t value_count;
	Reason *mistakes; /* "FILE:LINE: what is wrong" */
	size_t mistake_count, mistakes_left_out;
	bool has_files;                 /* false: there is no file at all */
	struct PolicySetting *settings; /* what stands in the files; private */
	size_t setting_count;
	char **files; /* their paths; private */
	size_t file_count;
} Policy;

/* 0 or -ENOMEM. */
int policy_load(const char *root, Policy **ret_policy);
void policy_free(Policy *policy);
DEFINE_CLEANUP(Policy *, policy_free)
#define _cleanup_policy_ _cleanup_(policy_freep)

/* The same from texts, pure: new, add in order, settle. `name` is what mistakes call the text. */
Policy *policy_new(void); /* NULL: no memory */
int policy_add(Policy *policy, PolicyLayer layer, const char *name, const void *text, size_t size);
int policy_settle(Policy *policy);

/* A row of this key, the first of several; NULL when there is no such key. */
const PolicyValue *policy_value(const Policy *policy, const char *section, const char *key);

/* Whether the organisation decided this key. */
bool policy_is_managed(const Policy *policy, const char *section, const char *key);

/* The organisation's name, or "your organisation". */
const char *policy_organisation(const Policy *policy);

/* 0; -ENOENT with the reason: no file says where the repository is; or -EINVAL: what might have
 * said so has a mistake, which is the reason. */
int policy_need_repository(const Policy *policy, Reason *reterr_reason);

/* Keeps what the owner said by a command, so that it counts from the next policy_load() on. -EPERM
 * with the reason when that key is managed. The value must be one that the key may have: -EINVAL.
 */
int policy_keep(const Policy *policy, const char *root, const char *section, const char *key,
	const char *value, Reason *reterr_reason);
