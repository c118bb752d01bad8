/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rotation: another set of keys for a role. It makes a new version of whoever lists the keys (root,
 * or targets for a base) and of what the role signs, so that nothing that counts is signed by a key
 * that no longer does. A root signs itself: its new version is all there is.
 */
#include "vendor/keys/envelope.h"
#include "vendor/repository/roles.h"

typedef struct KeyChange {
	bool adds;
	const json_t *added;  /* {"name", "keyid", "key"}; NULL while it is not made yet */
	const char *removed;  /* keyid, or NULL */
	json_int_t threshold; /* 0: as it is */
} KeyChange;

/* Who may sign the role now, of what is published; the role is loaded. */
Authority rotation_authority(const Repository *repository, const Role *role);

/* Whether the change leaves a role that can sign: -EINVAL, -EEXIST with a reason. */
int rotation_check(
	const Authority *now, const char *role, const KeyChange *change, Reason *reterr_reason);

/* Makes it pending. */
int rotation_prepare(
	Repository *repository, const Role *role, const KeyChange *change, Reason *reterr_reason);
