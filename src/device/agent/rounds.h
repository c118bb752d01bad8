/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rounds: what the agent does unasked, and when. A round is `suture maintain`, as far as the policy
 * and the machine's conditions let it go; what they forbid for now is told as reasons, and
 * considered again when one of them changes.
 *
 *     r = rounds_open(agent, &reason);
 *     rounds_consider(agent);           when the view or a condition has changed
 *     rounds_job_ended(agent, …);       by the jobs
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/reason.h"
#include "device/agent/jobs.h"

typedef struct Rounds {
	int64_t next_check;     /* seconds since 1970; 0: a round runs */
	uint64_t restart_at_us; /* of the machine; microseconds since 1970; 0: none is planned */
	unsigned failures;      /* rounds in a row */
	sd_event_source *timer;
} Rounds;

int rounds_open(Agent *agent, Reason *reterr_reason);
void rounds_done(Rounds *rounds);

void rounds_consider(Agent *agent);
void rounds_job_ended(
	Agent *agent, const JobRequest *request, bool has_failed, const json_t *report);

/* The words of DeferredReasons; the caller's reference. */
json_t *rounds_reasons(const Agent *agent);

/* Whether something is under way for which the agent has to stay. */
bool rounds_is_busy(const Agent *agent);
