/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/wakeup.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "device/agent/agent.h"

#define SYSTEMD       "org.freedesktop.systemd1"
#define SYSTEMD_PATH  "/org/freedesktop/systemd1"
#define ACCURACY_US   (60 * UINT64_C(1000000)) /* so that several timers of a machine meet */
#define LEAST_SECONDS 1

/* In time since the boot that goes on in sleep would need WakeSystem=; monotonic time stands still
 * in it, so what is missed is caught up by the calendar: it is given as a time of day. */
static int append_timer(sd_bus_message *call, uint64_t when_us)
{
	char text[64];
	int64_t seconds = (int64_t)(when_us / 1000000);

	snprintf(text, sizeof(text), "@%lld", (long long)seconds);
	return sd_bus_message_append(call, "ssa(sv)a(sa(sv))", WAKEUP_TIMER, "replace", 5,
		"Description", "s", "When sutured is needed next", "OnCalendar", "s", text,
		"AccuracyUSec", "t", ACCURACY_US, "Unit", "s", WAKEUP_SERVICE, "CollectMode", "s",
		"inactive-or-failed", 0);
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

void wakeup_plan(Agent *agent, int64_t when)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int64_t earliest = time_now() + LEAST_SECONDS;
	int r;

	if (!agent->uses_units || agent->idle_seconds == 0)
		return;
	stop_last(agent);
	r = start(agent, (uint64_t)(when > earliest ? when : earliest) * 1000000, &error);
	if (r < 0)
		log_error("cannot set a timer for the next round: %s",
			error.message ? error.message : strerror(-r));
}
