/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Run: carries a plan out, batch by batch, each unit at most once.
 *
 * A unit that has started again since the plan was made (Requires= and PartOf= restart others
 * along) is left alone. Where a unit of a batch does not come up again, or has not when the time is
 * over, later batches are not begun: what breaks one user of a library may break all, and the
 * exposed are better off than the dead. Process 1 comes last and only when all went well, after its
 * program was seen to start with the files that are there now: a manager that cannot execute itself
 * anew takes the machine with it.
 *
 * What became of an entry is its `result`: that of its job (job.h), or one of these.
 */
#include "device/restart/plan.h"
#include "device/unit/job.h"

#define RUN_ALREADY   "already"   /* it was restarted along with another one */
#define RUN_NOT_TRIED "not-tried" /* since others failed before, or did not get ready */

#define RUN_SECONDS 180 /* a stop and a start that both take as long as systemd lets them */

typedef struct Run {
	sd_bus *bus;
	const char *address; /* of bus_open(): a manager that executed itself is found there */
	const char *manager_program; /* NULL: systemd's */
	uint64_t timeout_us;         /* for all of it; what is unfinished then goes on by itself */
	size_t failed;               /* set: how many entries failed or were not tried */
} Run;

/* 0 also when units failed. An error is the bus's, and what became of some is not known then. */
int run_plan(Run *run, Plan *plan, Reason *reterr_reason);

bool run_has_failed(const PlanEntry *entry);
