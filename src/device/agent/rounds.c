/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/rounds.h"

#include <errno.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "device/agent/countdown.h"
#include "device/agent/schedule.h"
#include "device/agent/sensors.h"
#include "device/agent/task.h"
#include "wire/json/document.h"

#define USEC_PER_SECOND   UINT64_C(1000000)
#define SOON_US           200000 /* NetworkManager tells a change of network in several signals */
#define TIMER_ACCURACY_US 1000000

/* What a decision is made from, read anew each time: any of it may have changed. */
typedef struct Facts {
	Policy *policy;
	Conditions conditions;
	Task task;
	int64_t now;
} Facts;

static void facts_done(Facts *facts)
{
	policy_free(facts->policy);
}

static int facts_read(const Agent *agent, Facts *ret_facts)
{
	Facts facts = {.now = time_now()};
	int r = policy_load(agent->root, &facts.policy);

	if (r < 0)
		return r;
	sensors_read(agent, &facts.conditions);
	task_read(agent->view.status, &facts.task);
	*ret_facts = facts;
	return 0;
}

static void set_timer(
	Agent *agent, sd_event_source **timer, uint64_t delay_us, sd_event_time_handler_t handler)
{
	uint64_t accuracy = delay_us < TIMER_ACCURACY_US ? 1000 : TIMER_ACCURACY_US;
	int r;

	sd_event_source_disable_unref(*timer);
	*timer = NULL;
	r = sd_event_add_time(agent->event, timer, CLOCK_BOOTTIME, time_boot_us() + delay_us,
		accuracy, handler, agent);
	if (r < 0)
		log_error("cannot set a timer: %s", strerror(-r));
}

static int start(Agent *agent, const char *most)
{
	Reason reason = {};
	Job *job;
	int r = jobs_add(agent,
		&(JobRequest){.kind = JOB_MAINTAIN, .most = most, .background = true}, &job,
		&reason);

	return r < 0 ? log_reason(r, &reason) : 0;
}

static bool is_overdue(const Facts *facts)
{
	int64_t deadline = task_deadline(facts->policy, &facts->task);

	return deadline > 0 && deadline <= facts->now;
}

/* What is to be installed, and is not there yet, has to be downloaded for that. */
static WaitSet decide_on(const Facts *facts, const Work *work, WaitStep step)
{
	const Config *config = &facts->policy->config;
	WaitSet waits = policy_decide(config, &facts->conditions, work, step, facts->now);

	if (step == STEP_INSTALL && work->download > 0)
		waits |= policy_decide(config, &facts->conditions, work, STEP_DOWNLOAD, facts->now);
	return waits;
}

static WaitSet decide(const Facts *facts, WaitStep step)
{
	WaitSet waits = decide_on(facts, &facts->task.work, step);

	return is_overdue(facts) ? waits & ~WAITS_BEFORE_A_DEADLINE : waits;
}

/* Where nothing could hold up what the repository may bring, one run does all of it. What depends
 * on the improvement itself is asked for first. */
static const char *most_of(const Facts *facts)
{
	const Work unknown = {.urgency = URGENCY_LOW,
		.scope = RESTART_SERVICES,
		.postponed_until = facts->task.work.postponed_until,
		.download = UINT64_MAX};

	return facts->policy->config.delay == 0 && decide_on(facts, &unknown, STEP_INSTALL) == 0
		? "install"
		: "check";
}

static int on_check_time(sd_event_source *source, uint64_t when, void *userdata);

static void plan_check(Agent *agent, int64_t when)
{
	int64_t delay = when - time_now();

	agent->rounds.next_check = when;
	set_timer(agent, &agent->rounds.timer, delay > 0 ? (uint64_t)delay * USEC_PER_SECOND : 0,
		on_check_time);
}

static void plan_next(Agent *agent)
{
	_cleanup_policy_ Policy *policy = NULL;
	unsigned failures = agent->rounds.failures;
	int64_t now = time_now();
	int interval;

	if (policy_load(agent->root, &policy) < 0)
		interval = SCHEDULE_FIRST_SECONDS; /* memory is short */
	else
		interval = policy->config.interval;
	plan_check(agent,
		failures > 0 ? now + schedule_retry(interval, failures, backoff_random())
			     : schedule_slot(now, interval, schedule_seed(agent->root)));
}

static int on_check_time(sd_event_source *source, uint64_t when, void *userdata)
{
	_cleanup_(facts_done) Facts facts = {};
	Agent *agent = userdata;

	agent->rounds.timer = sd_event_source_disable_unref(agent->rounds.timer);
	agent->rounds.tried = agent->rounds.fetched = 0;
	if (start(agent, facts_read(agent, &facts) == 0 ? most_of(&facts) : "check") < 0) {
		agent->rounds.failures++; /* no end of a job will plan the next one */
		plan_next(agent);
	}
	return 0;
}

static int on_look(sd_event_source *source, uint64_t when, void *userdata)
{
	Agent *agent = userdata;

	agent->rounds.look = sd_event_source_disable_unref(agent->rounds.look);
	rounds_consider(agent);
	return 0;
}

/* What changes without telling anybody, so that it has to be looked at again. The vendor's word
 * comes with the next check, and the owner's with a file that is watched (sutured.path). */
#define WAITS_THAT_PASS                                                                            \
	(WAIT_BIT(WAIT_METERED) | WAIT_BIT(WAIT_ON_BATTERY) | WAIT_BIT(WAIT_BATTERY_LOW) |         \
		WAIT_BIT(WAIT_NOT_IDLE) | WAIT_BIT(WAIT_INHIBITED) | WAIT_BIT(WAIT_DISK_FULL) |    \
		WAIT_BIT(WAIT_CLOCK))

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first time at which one of the reasons may be gone. */
static int64_t find_next_look(const Facts *facts, WaitSet waits)
{
	const Config *config = &facts->policy->config;
	int64_t next = TIME_MAX, when = task_deadline(facts->policy, &facts->task);

	if (when > facts->now)
		next = when;
	if (waits & WAITS_THAT_PASS)
		next = earlier(next, facts->now + ROUNDS_LOOK_SECONDS);
	if (waits & WAIT_BIT(WAIT_WINDOW) &&
		window_next(config->windows, config->window_count, facts->now, &when) == 0)
		next = earlier(next, when);
	if (waits & WAIT_BIT(WAIT_POSTPONED))
		next = earlier(next, facts->task.work.postponed_until);
	if (waits & WAIT_BIT(WAIT_DELAY))
		next = earlier(next, facts->task.work.published + config->delay);
	return next > facts->now ? next : facts->now + 1;
}

static void plan_look(Agent *agent, const Facts *facts)
{
	int64_t next = find_next_look(facts, agent->rounds.waits);

	agent->rounds.next_look = next;
	if (next < TIME_MAX)
		set_timer(agent, &agent->rounds.look,
			(uint64_t)(next - facts->now) * USEC_PER_SECOND, on_look);
}

/* What a round found, and could not be done in it. */
static void consider_offer(Agent *agent, const Facts *facts)
{
	Rounds *rounds = &agent->rounds;
	uint64_t sequence = facts->task.sequence;

	rounds->waits = decide(facts, STEP_INSTALL);
	if (rounds->waits == 0 && rounds->tried != sequence) {
		rounds->tried = sequence; /* where it fails, it comes again with the next round */
		(void)start(agent, is_overdue(facts) ? "enforce" : "install");
	} else if (!facts->task.is_downloaded && rounds->fetched != sequence &&
		decide(facts, STEP_DOWNLOAD) == 0) {
		rounds->fetched = sequence;
		(void)start(agent, "download");
	}
}

/* The machine is restarted unasked where the policy says so, and a deadline says so too. What comes
 * up meanwhile ends the countdown; what does not count leaves it running, so that nobody keeps a
 * restart off by asking for what he does not get. */
static void consider_restart(Agent *agent, const Facts *facts)
{
	Rounds *rounds = &agent->rounds;

	rounds->waits = decide(facts, STEP_RESTART);
	if (rounds->restart_is_asked)
		rounds->waits &= ~WAITS_OF_THE_OWNER;
	if (rounds->waits)
		countdown_stop(agent);
	else if (rounds->restart_at_us == 0)
		countdown_start(agent, facts->policy->config.countdown);
}

static bool is_told(const Waiting *told, const Waiting *now)
{
	return told->sequence == now->sequence && told->waits == now->waits &&
		told->next_check == now->next_check && told->restart_at == now->restart_at;
}

/* For `suture status`, from which the view comes. */
static void tell(Agent *agent, uint64_t sequence)
{
	Rounds *rounds = &agent->rounds;
	Reason reason = {};
	const Waiting waiting = {.sequence = sequence,
		.waits = rounds->waits,
		.next_check = rounds->next_check,
		.restart_at = (int64_t)(rounds->restart_at_us / USEC_PER_SECOND)};
	int r;

	if (is_told(&rounds->told, &waiting))
		return;
	r = waiting_write(agent->root, &waiting, &reason);
	if (r < 0)
		log_reason(r, &reason);
	rounds->told = waiting;
	view_refresh(agent);
}

void rounds_consider(Agent *agent)
{
	_cleanup_(facts_done) Facts facts = {};
	Rounds *rounds = &agent->rounds;

	if (jobs_change_something(&agent->jobs) || facts_read(agent, &facts) < 0)
		return; /* the end of the jobs comes here again */
	rounds->waits = 0;
	if (facts.task.is_pending)
		consider_restart(agent, &facts);
	else if (facts.task.sequence > 0)
		consider_offer(agent, &facts);
	if (!facts.task.is_pending) {
		rounds->restart_is_asked = false; /* what comes later was not meant */
		countdown_stop(agent);
	}
	if (rounds->waits)
		plan_look(agent, &facts);
	tell(agent, facts.task.sequence);
}

void rounds_consider_soon(Agent *agent)
{
	set_timer(agent, &agent->rounds.look, SOON_US, on_look);
}

void rounds_job_ended(Agent *agent, const JobRequest *request, bool has_failed)
{
	Rounds *rounds = &agent->rounds;

	if (request->kind == JOB_MAINTAIN) {
		rounds->failures = has_failed ? rounds->failures + 1 : 0;
		plan_next(agent);
	}
	if (request->kind == JOB_REMOVE)
		rounds->restart_is_asked = false;
	else if (request->restarts)
		rounds->restart_is_asked = !has_failed;
	rounds_consider(agent);
}

const char *rounds_refusal(
	const Agent *agent, WaitStep step, WaitSet overridden, Reason *ret_reason)
{
	static const struct {
		WaitReason wait;
		const char *name, *text;
	} refusals[] = {
		{WAIT_MANAGED_OFF, AGENT_ERROR("Managed"), "does not let you install by hand"},
		{WAIT_METERED, AGENT_ERROR("Metered"), "The network connection is metered."},
		{WAIT_BATTERY_LOW, AGENT_ERROR("OnBattery"), "The battery is too low."},
		{WAIT_DISK_FULL, AGENT_ERROR("NoSpace"),
			"The disk has too little space for it; free some."},
	};
	_cleanup_(facts_done) Facts facts = {};
	WaitSet waits;

	if (facts_read(agent, &facts) < 0)
		return NULL;
	if (facts.task.sequence == 0)
		facts.task.work.download = UINT64_MAX; /* it is not known yet what there is */
	waits = decide_on(&facts, &facts.task.work, step) & ~overridden &
		(~WAITS_OF_THE_OWNER | WAIT_BIT(WAIT_METERED));
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (!(waits & WAIT_BIT(refusals[i].wait)))
			continue;
		reason_set(ret_reason, 0, "%s%s%s",
			refusals[i].wait == WAIT_MANAGED_OFF ? policy_organisation(facts.policy)
							     : "",
			refusals[i].wait == WAIT_MANAGED_OFF ? " " : "", refusals[i].text);
		return refusals[i].name;
	}
	return NULL;
}

void rounds_postponed(Agent *agent)
{
	agent->rounds.restart_is_asked = false;
	view_refresh(agent);
	rounds_consider(agent);
}

bool rounds_is_busy(const Agent *agent)
{
	return agent->jobs.first || agent->rounds.restart_at_us > 0 ||
		agent->rounds.restart_is_asked;
}

int64_t rounds_next(const Agent *agent)
{
	const Rounds *rounds = &agent->rounds;

	return rounds->waits && rounds->next_look < rounds->next_check ? rounds->next_look
								       : rounds->next_check;
}

/* When the last try says to ask again. After a failure it is the earliest time that chance may have
 * chosen: whoever was started for it finds that it is due. */
static int64_t find_next_check(const Agent *agent, int interval)
{
	const json_t *checks = json_object_get(agent->view.status, "checks");
	int64_t last = document_time(agent->view.status, "last_check"),
		failed = document_time(checks, "failed"), now = time_now();

	if (agent->rounds.failures > 0 && failed > 0 && failed <= now)
		return failed + schedule_retry(interval, agent->rounds.failures, 0);
	return last == 0 || last > now ? now
				       : schedule_slot(last, interval, schedule_seed(agent->root));
}

/* One that stays asks at once. Who ends when it is idle was started because something is due, or
 * since somebody wants to look: then not before it is time. */
int rounds_open(Agent *agent, Reason *reterr_reason)
{
	const json_t *checks = json_object_get(agent->view.status, "checks");
	_cleanup_policy_ Policy *policy = NULL;
	int r = policy_load(agent->root, &policy);

	if (r < 0)
		return r;
	agent->rounds.failures = (unsigned)document_number(checks, "failures");
	plan_check(agent,
		agent->idle_seconds == 0 ? time_now()
					 : find_next_check(agent, policy->config.interval));
	rounds_consider(agent);
	return 0;
}

void rounds_done(Rounds *rounds)
{
	sd_event_source_disable_unref(rounds->timer);
	sd_event_source_disable_unref(rounds->look);
	sd_event_source_disable_unref(rounds->restart);
}
