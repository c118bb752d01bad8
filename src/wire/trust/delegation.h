/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Delegation: whom a targets role trusts for which paths (The Update Framework 1.0.34, section 4.5;
 * TAP 15 for succinct roles: one entry that stands for 2^n roles, of which the hash of a path
 * chooses one; no list of them is ever made).
 *
 * All calls take the `signed` part of a targets role. The others may be called once
 * delegation_check() found it good.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"

/* Whether the delegations, if there are any, are well-formed. A name must stand once: else the
 * paths of one delegation would go with the keys of another. It must be none of the top-level names
 * and fit into a file's name. `role` names the document. 0, -EBADMSG with a reason, or -ENOMEM. */
int delegation_check(const json_t *body, const char *role, Reason *reterr_reason);

/* The object with the keyids and the threshold of a delegated role; NULL when there is no such
 * role. */
const json_t *delegation_signers(const json_t *body, const char *name);

/* The delegations that match a path, in their order. *cursor starts at 0 and is moved on; the
 * caller frees the name. 0, -ENOENT at the end, -ENOMEM, or -EIO from the digest of the path. */
int delegation_next(const json_t *body, const char *path, size_t *cursor, char **ret_name,
	bool *ret_terminating);
