/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/countdown.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "device/agent/agent.h"

#define USEC_PER_SECOND UINT64_C(1000000)
#define LATE_SECONDS    15 /* a busy machine may be a few late */

/* The machine slept through it: whoever wakes it up has to see it run down, too. */
static bool is_late(const Agent *agent)
{
	return (uint64_t)time_now() * USEC_PER_SECOND >
		agent->rounds.restart_at_us + LATE_SECONDS * USEC_PER_SECOND;
}

static int on_zero(sd_event_source *source, uint64_t when, void *userdata)
{
	Agent *agent = userdata;
	Reason reason = {};
	Job *job;
	int r;

	if (is_late(agent)) {
		countdown_start(agent, agent->rounds.countdown);
		view_refresh(agent);
		return 0;
	}
	rounds_consider(agent); /* of the end of a window, and of the load, nobody tells */
	if (agent->rounds.restart_at_us == 0)
		return 0;
	countdown_stop(agent);
	agent->rounds.restart_is_asked = false;
	r = jobs_add(agent, &(JobRequest){.kind = JOB_RESTART}, &job, &reason);
	if (r < 0)
		log_reason(r, &reason);
	return 0;
}

void countdown_start(Agent *agent, int seconds)
{
	uint64_t delay = (uint64_t)seconds * USEC_PER_SECOND;
	int r;

	countdown_stop(agent);
	r = sd_event_add_time(agent->event, &agent->rounds.restart, CLOCK_BOOTTIME,
		time_boot_us() + delay, 1000, on_zero, agent);
	if (r < 0) {
		log_error("cannot count down: %s", strerror(-r));
		return;
	}
	agent->rounds.countdown = seconds;
	agent->rounds.restart_at_us = (uint64_t)time_now() * USEC_PER_SECOND + delay;
	log_info("the machine is restarted in %d seconds, for what is staged", seconds);
}

void countdown_stop(Agent *agent)
{
	agent->rounds.restart = sd_event_source_disable_unref(agent->rounds.restart);
	agent->rounds.restart_at_us = 0;
}
