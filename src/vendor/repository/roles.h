/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Role: what somebody has keys for: root, targets, snapshot, timestamp, the role of a base (called
 * by the base's name, or by its own), or seal, which is none of the metadata's.
 */
#include "vendor/repository/repository.h"

typedef enum RoleKind { ROLE_TOP, ROLE_BASE, ROLE_SEAL } RoleKind;

typedef struct Role {
	RoleKind kind;
	char *name;       /* as the metadata has it */
	const Base *base; /* ROLE_BASE; of the workspace */
} Role;

/* -ENOENT with a reason that lists the roles. */
int role_find(const Workspace *workspace, const char *text, Role *ret_role, Reason *reterr_reason);
int role_of_base(const Base *base, Role *ret_role); /* 0 or -ENOMEM */
void role_done(Role *role);
#define _cleanup_role_ _cleanup_(role_done)

/* Who says which keys count: "root" or "targets". Not for ROLE_SEAL. */
const char *role_delegator(const Role *role);

/* Loads what is published of the role. */
int role_load(Repository *repository, const Role *role, Reason *reterr_reason);
