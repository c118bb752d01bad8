/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/wait.h"

#include <stdio.h>
#include <string.h>

const char *const wait_words[] = {"automatic-off", "managed-off", "metered", "on-battery",
	"battery-low", "inhibited", "held", "rollout", "delay", "postponed", "not-idle", "window",
	"disk-full", "clock", "restart-off", NULL};

static WaitSet when(bool condition, WaitReason reason)
{
	return condition ? WAIT_BIT(reason) : 0;
}

/* Only looking, or only downloading, is what the owner decided; where the owner cannot install by
 * hand either, that is worth another word. */
static WaitSet decide_automatic(const Config *config, WaitStep step)
{
	bool off = config->automatic == AUTOMATIC_OFF ||
		(config->automatic == AUTOMATIC_DOWNLOAD && step != STEP_DOWNLOAD);

	return when(off, config->forbids_install ? WAIT_MANAGED_OFF : WAIT_AUTOMATIC);
}

static WaitSet decide_network(const Config *config, const Conditions *conditions, const Work *work)
{
	if (!conditions->is_metered || work->download == 0)
		return 0;
	return when(config->metered == METERED_WAITS ||
			(config->metered == METERED_SMALL &&
				work->download > (uint64_t)config->metered_max),
		WAIT_METERED);
}

static WaitSet decide_power(const Config *config, const Conditions *conditions)
{
	if (!conditions->on_battery)
		return 0;
	return when(config->battery_waits, WAIT_ON_BATTERY) |
		when(conditions->has_battery && conditions->battery < config->battery_floor,
			WAIT_BATTERY_LOW);
}

static WaitSet decide_vendor(const Work *work)
{
	return when(work->is_held, WAIT_HELD) | when(work->waits_for_rollout, WAIT_ROLLOUT);
}

static WaitSet decide_delay(
	const Config *config, const Conditions *conditions, const Work *work, int64_t now)
{
	if (config->delay == 0 || (int)work->urgency >= config->delay_unless)
		return 0;
	if (conditions->clock_is_wrong)
		return WAIT_BIT(WAIT_CLOCK);
	return when(now < work->published + config->delay, WAIT_DELAY);
}

static WaitSet decide_window(const Config *config, const Conditions *conditions, int64_t now)
{
	if (config->window_count == 0)
		return 0;
	if (conditions->clock_is_wrong)
		return WAIT_BIT(WAIT_CLOCK);
	return when(!window_is_open(config->windows, config->window_count, now), WAIT_WINDOW);
}

/* What somebody would notice. */
static WaitSet decide_restart(const Config *config, const Conditions *conditions, int64_t now)
{
	return decide_window(config, conditions, now) |
		when(config->waits_for_idle &&
				(conditions->is_used || conditions->load > config->idle_load),
			WAIT_NOT_IDLE);
}

/* What needs more than services is only staged by an installation. */
static bool restarts_something(const Config *config, const Work *work, WaitStep step)
{
	return step == STEP_RESTART ||
		(step == STEP_INSTALL && work->scope == RESTART_SERVICES &&
			config->restarts != RESTARTS_OFF);
}

WaitSet policy_decide(const Config *config, const Conditions *conditions, const Work *work,
	WaitStep step, int64_t now)
{
	WaitSet set = decide_automatic(config, step) | decide_power(config, conditions) |
		decide_vendor(work) | decide_delay(config, conditions, work, now) |
		when(step != STEP_RESTART && conditions->has_free && conditions->free < work->space,
			WAIT_DISK_FULL);

	if (step == STEP_DOWNLOAD)
		return set | decide_network(config, conditions, work);
	set |= when(now < work->postponed_until, WAIT_POSTPONED) |
		when(conditions->is_inhibited ||
				(step == STEP_RESTART && conditions->restart_is_inhibited),
			WAIT_INHIBITED) |
		when(step == STEP_RESTART && config->restarts != RESTARTS_MACHINE, WAIT_RESTART);
	return restarts_something(config, work, step)
		? set | decide_restart(config, conditions, now)
		: set;
}

void wait_describe(WaitSet set, char ret_text[static WAIT_TEXT_SIZE])
{
	size_t length = 0;

	ret_text[0] = '\0';
	for (int i = 0; i < WAIT_REASONS; i++)
		if (set & WAIT_BIT(i))
			length += (size_t)snprintf(ret_text + length, WAIT_TEXT_SIZE - length,
				"%s%s", length > 0 ? ", " : "", wait_words[i]);
}
