/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Job: asking systemd to do something to units, and waiting until it has.
 *
 *     Job jobs[] = {{.unit = "a.service", .method = JOB_RESTART}, …};
 *     r = jobs_run(bus, jobs, 2, seconds * 1000000, &reason);
 *
 * All are asked for before any is waited for, so that systemd orders them by After= itself. What
 * becomes of each is in its result; only a bus that fails is an error, and then those that are
 * still unknown are "unfinished".
 */
#include "device/unit/bus.h"

/* Not RestartUnit: a unit that stopped meanwhile is not to be started. */
#define JOB_RESTART "TryRestartUnit"
#define JOB_RENEW   "RestartUnit" /* but one that failed is */
#define JOB_RELOAD  "ReloadUnit"
#define JOB_START   "StartUnit"

#define JOB_DONE       "done"
#define JOB_REFUSED    "refused"    /* never became a job; `reason` says why */
#define JOB_UNFINISHED "unfinished" /* when we stopped waiting; systemd goes on */

typedef struct Job {
	const char *unit, *method;  /* the caller's */
	char result[BUS_WORD_SIZE]; /* the above, or systemd's: canceled, timeout, failed,
				     * dependency, skipped… */
	Reason reason;
	uint64_t duration_us;
	char *path; /* private */
} Job;

int jobs_run(sd_bus *bus, Job *jobs, size_t count, uint64_t timeout_us, Reason *reterr_reason);

/* Calls back for each job that has ended, whoever asked for it: the arguments of the message are
 * its number, its path, the unit and the result. */
int job_watch(sd_bus *bus, sd_bus_slot **ret_slot, sd_bus_message_handler_t handler, void *context);

/* Asks for one job and waits for none: for what may end this process. */
int job_start(sd_bus *bus, const char *unit, const char *mode, Reason *reterr_reason);

/* The same for a command that becomes a service of its own: it lives on when whoever asks ends, and
 * all that is of it. `argv` ends with NULL; argv[0] is the program's path. */
int job_start_transient(sd_bus *bus, const char *unit, const char *description,
	const char *const *argv, Reason *reterr_reason);

bool job_succeeded(const Job *job); /* "skipped" by the unit's own conditions is no failure */
