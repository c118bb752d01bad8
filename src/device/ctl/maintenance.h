/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Maintenance: one round of what a machine does by itself. First what is not right is made right,
 * since what is offered depends on what is there; then, as far as suture.conf and `most` both
 * allow, asking, downloading and installing. Whatever becomes of that, what the vendor withdrew is
 * taken off. What was done is logged as it is done.
 *
 *     r = maintenance_run(&manager, most, &outcome, &way, &reason);
 *     manager_look_after_services(&manager, &outcome);
 *     maintenance_log_impact(&outcome);
 *
 * -ENODATA: there was nothing to do; -EBUSY: it has to wait.
 */
#include "device/manager/manager.h"

typedef enum MaintenanceLimit {
	MAINTENANCE_INSTALL,
	MAINTENANCE_DOWNLOAD,
	MAINTENANCE_CHECK,
	MAINTENANCE_ENFORCE, /* installs whatever suture.conf says of installing: a deadline is over
			      */
	MAINTENANCE_RESTART, /* of the machine, for what is staged; no round at all */
} MaintenanceLimit;
extern const char *const maintenance_limits[]; /* their words; NULL-terminated */

/* *ret_way: how the machine restarts now, the caller's; NULL where it does not. */
int maintenance_run(Manager *manager, MaintenanceLimit most, Outcome *outcome, char **ret_way,
	Reason *reterr_reason);

/* Which programs still run what was replaced, or taken off. */
void maintenance_log_impact(const Outcome *outcome);
