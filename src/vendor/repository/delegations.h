/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Delegations: the bases of a repository as its signed metadata names them, for who has the
 * repository and not the vendor's list of bases: a mirror, a check on another machine.
 *
 *     delegations_list(trust_body(trust, "targets"), &bases, &reason);
 *     delegations_visit(trust, &files, &bases.items[i], each, context, &reason);
 *     base_list_clear(&bases);
 */
#include "vendor/work/workspace.h"
#include "wire/trust/refresh.h"

/* A base is named as its role is, and has no root: its files are elsewhere. -EBADMSG with a reason
 * where a role is delegated for anything but one base. */
int delegations_list(const json_t *targets, BaseList *ret_list, Reason *reterr_reason);

/* Loads the role of a base, and calls `each` for every target that it lists, until that returns
 * something else than 0. -ENOENT with a reason when the repository does not delegate to the base.
 */
int delegations_visit(Trust *trust, const TrustRepository *files, const Base *base,
	int (*each)(void *context, const char *path, const TrustFile *file), void *context,
	Reason *reterr_reason);
