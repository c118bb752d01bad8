/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/wakeup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "device/agent/agent.h"

#define SYSTEMD       "org.freedesktop.systemd1"
#define SYSTEMD_PATH  "/org/freedesktop/systemd1"
#define UNIT_EXISTS   SYSTEMD ".UnitExists"
#define ACCURACY_US   (60 * UINT64_C(1000000)) /* so that several timers of a machine meet */
#define LEAST_SECONDS 1
#define TRIES         20
#define PAUSE_NS      50000000 /* between two tries */

static int append_calendar(sd_bus_message *call, uint64_t when_us)
{
	char text[64];
	int r = sd_bus_message_open_container(call, 'r', "sv");

	snprintf(text, sizeof(text), "@%" PRIu64, when_us / 1000000);
	if (r >= 0)
		r = sd_bus_message_append(
			call, "sv", "TimersCalendar", "a(ss)", 1, "OnCalendar", text);
	return r < 0 ? r : sd_bus_message_close_container(call);
}

/* In time since the boot that goes on in sleep would need WakeSystem=; monotonic time stands still
 * in it, so what is missed is caught up by the calendar: it is given as a time of day. */
static int append_timer(sd_bus_message *call, uint64_t when_us)
{
	int r = sd_bus_message_append(call, "ss", WAKEUP_TIMER, "replace");

	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "(sv)");
	if (r >= 0)
		r = sd_bus_message_append(call, "(sv)(sv)(sv)(sv)", "Description", "s",
			"When sutured is needed next", "AccuracyUSec", "t", ACCURACY_US,
			"RemainAfterElapse", "b", 0, "CollectMode", "s", "inactive-or-failed");
	if (r >= 0)
		r = append_calendar(call, when_us);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? r : sd_bus_message_append(call, "a(sa(sv))", 0);
}

static int start(Agent *agent, uint64_t when_us, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(
		agent->bus, &call, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager", "StartTransientUnit");

	if (r >= 0)
		r = append_timer(call, when_us);
	return r < 0 ? r : sd_bus_call(agent->bus, call, 0, error, NULL);
}

/* The last one may still be there: it is replaced by being stopped, which lets it go. */
static void stop_last(Agent *agent)
{
	(void)sd_bus_call_method(agent->bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager", "StopUnit",
		NULL, NULL, "ss", WAKEUP_TIMER, "replace");
}

/* systemd forgets a unit that is stopped a moment later, and until then there is one of that name.
 */
static int replace(Agent *agent, uint64_t when_us, sd_bus_error *error)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int r = -EEXIST;

	stop_last(agent);
	for (int i = 0; r < 0 && i < TRIES; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		sd_bus_error_free(error);
		r = start(agent, when_us, error);
		if (!sd_bus_error_has_name(error, UNIT_EXISTS))
			break;
	}
	return r;
}

void wakeup_plan(Agent *agent, int64_t when)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int64_t earliest = time_now() + LEAST_SECONDS;
	int r;

	if (!agent->uses_units || agent->idle_seconds == 0)
		return;
	r = replace(agent, (uint64_t)(when > earliest ? when : earliest) * 1000000, &error);
	if (r < 0)
		log_error("cannot set a timer for the next round: %s",
			error.message ? error.message : strerror(-r));
}
