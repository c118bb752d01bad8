/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Owner: whose a process is, in systemd's terms. Which unit a process belongs to is the manager's
 * word, not a control group's path taken apart: it knows delegated and renamed groups.
 */
#include <sys/types.h>

#include "device/unit/unit.h"

typedef enum OwnerKind {
	OWNER_NONE,         /* no unit: a kernel thread, or what runs below no manager */
	OWNER_SERVICE,      /* of the system: these can be restarted */
	OWNER_SCOPE,        /* started by another program, which alone can start it again */
	OWNER_SESSION,      /* somebody's log-in */
	OWNER_USER_SERVICE, /* of a user's own manager, or that manager */
	OWNER_CONTAINER,    /* a machine of its own; what it runs is its own business */
	OWNER_MANAGER,      /* process 1 */
} OwnerKind;
extern const char *const owner_kind_names[];

#define OWNER_NO_UID ((uid_t)-1)

/* The unit's name; the caller frees. Positive: the process is gone, or belongs to none. */
int owner_unit_of(sd_bus *bus, pid_t pid, char **ret_unit, Reason *reterr_reason);

/* Pure: by the unit's name and the slice that it is in (may be NULL). */
OwnerKind owner_kind_of(const char *unit, const char *slice);

/* Pure: the user of a slice "user-1000.slice"; OWNER_NO_UID for any other. */
uid_t owner_uid_of(const char *slice);

/* The unit of the user's manager that a process of it belongs to; the caller frees. Positive: none,
 * or the process is gone. */
int owner_user_unit_of(pid_t pid, char **ret_unit);
