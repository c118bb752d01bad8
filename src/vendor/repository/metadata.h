/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Metadata: the `signed` parts of TUF documents, as jansson objects (specification 1.0.34, section
 * 4). Constructors return NULL when memory is short; the caller owns the reference.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "vendor/keys/signer.h"
#include "wire/trust/trust.h"

/* How long each role is good for, in days. The short ones are renewed by a timer. */
#define METADATA_ROOT_DAYS      365
#define METADATA_TARGETS_DAYS   365
#define METADATA_SNAPSHOT_DAYS  30
#define METADATA_TIMESTAMP_DAYS 7

/* Root keys that a vendor starts with, and how many of them must agree. */
#define METADATA_ROOT_KEYS      3
#define METADATA_ROOT_THRESHOLD 2

/* Version 1, with the keys of the four top-level roles. */
json_t *metadata_root(const Signer *signer, int64_t now);

/* `targets` and `delegations` may be NULL (none). Takes no references of them. */
json_t *metadata_targets(int64_t version, int64_t now, json_t *targets, json_t *delegations);

/* `from`: the snapshot whose list of roles is taken over, or NULL. */
json_t *metadata_snapshot(int64_t version, int64_t now, const json_t *from);

/* Says when it was signed, too: see wire/trust/trust.h. */
json_t *metadata_timestamp(int64_t version, int64_t snapshot_version, int64_t now);

/* Sets version and expiry of a root or targets role. All of these: 0 or -ENOMEM. */
int metadata_renew(json_t *body, int64_t version, int64_t now);
int metadata_list_role(json_t *snapshot, const char *role, int64_t version);
int metadata_list_target(json_t *body, const char *path, const TrustFile *file);

/* Delegates `pattern` to `role`, signed by any one of `keys` (keyid → key). Replaces an earlier
 * delegation to the same role. */
int metadata_delegate(json_t *body, const char *role, const char *pattern, json_t *keys);

/* Whose keys count for a role. `delegator` is the body of root, for the four top-level roles, or of
 * targets. NULL when it does not list the role. */
json_t *metadata_keys(const json_t *delegator); /* keyid → key */
json_t *metadata_role(const json_t *delegator, const char *role);
bool metadata_lists_key(const json_t *role, const char *keyid);

/* The role is listed. A removed key also leaves `keys`, where no other role has it. */
int metadata_add_key(json_t *delegator, const char *role, const char *keyid, json_t *key);
void metadata_remove_key(json_t *delegator, const char *role, const char *keyid);
int metadata_set_threshold(json_t *delegator, const char *role, json_int_t threshold);

int64_t metadata_version(const json_t *body);
const char *metadata_expires(const json_t *body); /* as text; lives as long as the body */
int64_t metadata_expiry(const json_t *body);      /* seconds since 1970 */
int64_t metadata_listed_version(const json_t *snapshot, const char *role); /* 0: not listed */
