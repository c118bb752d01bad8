/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rounds: what the agent does unasked, and when. Asking the repository always goes; what may be
 * installed, downloaded or restarted is the policy's decision under the machine's conditions
 * (device/policy/wait.h). What they forbid for now is told as reasons, and considered again when
 * one of them changes, when a time comes that one names, and every few minutes.
 *
 *     r = rounds_open(agent, &reason);
 *     rounds_consider(agent);           when the view has changed
 *     rounds_consider_soon(agent);      when a condition has: many changes come at once
 *     rounds_job_ended(agent, …);       by the jobs
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/reason.h"
#include "device/agent/jobs.h"
#include "device/policy/policy.h"
#include "device/policy/waiting.h"

#define ROUNDS_LOOK_SECONDS                                                                        \
	300 /* between two looks at conditions that tell nobody of their change */

typedef struct Rounds {
	int64_t next_check;      /* seconds since 1970 */
	unsigned failures;       /* rounds in a row */
	uint64_t fetched, tried; /* the sequences that this round downloaded, or tried: not again
				    before the next */
	WaitSet waits;           /* why nothing is done now */
	int64_t next_look;       /* with waits: when they are looked at again */
	bool restart_is_asked;   /* by the owner, for what is pending */
	int countdown;           /* seconds of the last countdown */
	uint64_t restart_at_us;  /* of the machine; microseconds since 1970; 0: none is planned */
	Waiting told;            /* as it was written last */
	sd_event_source *timer, *look, *restart;
} Rounds;

int rounds_open(Agent *agent, Reason *reterr_reason);
void rounds_done(Rounds *rounds);

void rounds_consider(Agent *agent);
void rounds_consider_soon(Agent *agent);
void rounds_job_ended(Agent *agent, const JobRequest *request, bool has_failed);

/* The owner asks, and passes these over: NULL, or the bus's name of the error why not even that
 * goes, and the reason. */
const char *rounds_refusal(
	const Agent *agent, WaitStep step, WaitSet overridden, Reason *ret_reason);

/* The owner postponed, or asked for that: a countdown ends where it counts. */
void rounds_postponed(Agent *agent);

/* Whether something is under way for which the agent has to stay. */
bool rounds_is_busy(const Agent *agent);

/* When the agent is needed next; seconds since 1970. */
int64_t rounds_next(const Agent *agent);
