/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/rounds.h"

#include <errno.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "device/agent/schedule.h"

#define INTERVAL 21600

static void start_round(Agent *agent)
{
	Job *job;
	Reason reason = {};
	int r = jobs_add(agent,
		&(JobRequest){.kind = JOB_MAINTAIN, .most = "install", .background = true}, &job,
		&reason);

	if (r < 0)
		log_reason(r, &reason);
	agent->rounds.next_check = 0;
}

static int on_time(sd_event_source *source, uint64_t when, void *userdata)
{
	start_round(userdata);
	return 0;
}

static void plan(Agent *agent, int seconds)
{
	Rounds *rounds = &agent->rounds;
	uint64_t when = time_boot_us() + (uint64_t)seconds * 1000000;
	int r;

	rounds->next_check = time_now() + seconds;
	sd_event_source_disable_unref(rounds->timer);
	rounds->timer = NULL;
	r = sd_event_add_time(
		agent->event, &rounds->timer, CLOCK_BOOTTIME, when, 1000000, on_time, agent);
	if (r < 0)
		log_error("cannot plan the next round: %s", strerror(-r));
}

int rounds_open(Agent *agent, Reason *reterr_reason)
{
	plan(agent, 0);
	return 0;
}

void rounds_done(Rounds *rounds)
{
	sd_event_source_disable_unref(rounds->timer);
}

void rounds_consider(Agent *agent)
{
}

void rounds_job_ended(
	Agent *agent, const JobRequest *request, bool has_failed, const json_t *report)
{
	Rounds *rounds = &agent->rounds;

	if (request->kind != JOB_MAINTAIN)
		return;
	rounds->failures = has_failed ? rounds->failures + 1 : 0;
	plan(agent, schedule_next(INTERVAL, rounds->failures, backoff_random()));
}

json_t *rounds_reasons(const Agent *agent)
{
	return json_array();
}

bool rounds_is_busy(const Agent *agent)
{
	return agent->rounds.next_check == 0 || agent->rounds.restart_at_us > 0;
}
