/* SPDX-License-Identifier: Apache-2.0 */
#include "device/trial/watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "device/trial/health.h"
#include "device/trial/verdict.h"

#define LOOK_US   UINT64_C(1000000) /* also where no signal says that something changed */
#define SECOND_US UINT64_C(1000000)

typedef struct Watcher {
	const Watch *watch;
	sd_bus *bus; /* NULL: nobody manages services, or the connection broke */
	bool has_manager;
	Watched *units;
	uint64_t end_us;  /* CLOCK_BOOTTIME */
	uint64_t last_us; /* when the last checks begin */
	bool is_checked;  /* the first checks were made */
	bool has_news;    /* a unit changed */
	Reason *reason;
} Watcher;

bool watch_is_due(const Store *store, const Trial *trial)
{
	char boot[TRIAL_BOOT_ID_LEN + 1];
	uint32_t current;

	return store_current(store, &current, NULL) == 0 && current == trial->generation &&
		trial_boot_id(boot, NULL) == 0 && strcmp(boot, trial->boot) == 0;
}

/* A boot has taken the record's try before it grafted. */
static unsigned window_of(const Trial *trial)
{
	return trial->tries == 0 ? trial->boot_window : trial->window;
}

/* Somebody else may have installed, removed or reverted meanwhile. */
static bool is_changed(const Watcher *watcher)
{
	_cleanup_(trial_freep) Trial *now = NULL;
	const Trial *trial = watcher->watch->trial;

	return trial_load(watcher->watch->store, &now, NULL) != 0 ||
		now->generation != trial->generation || now->started != trial->started ||
		!watch_is_due(watcher->watch->store, now);
}

static bool is_watched(const Trial *trial, const char *name)
{
	for (size_t i = 0; i < trial->unit_count; i++)
		if (strcmp(trial->units[i], name) == 0)
			return true;
	return false;
}

static int note_change(sd_bus_message *message, void *context, sd_bus_error *error)
{
	_cleanup_free_ char *name = NULL;
	Watcher *watcher = context;

	if (sd_bus_path_decode(sd_bus_message_get_path(message), BUS_UNIT_PATH, &name) > 0 &&
		is_watched(watcher->watch->trial, name))
		watcher->has_news = true;
	return 0;
}

/* Also again, when process 1 executed itself anew and took the connection with it. */
static int reach_manager(Watcher *watcher, Reason *reason)
{
	int r = bus_open(watcher->watch->address, &watcher->bus, reason);

	if (r == 0)
		r = sd_bus_match_signal(watcher->bus, NULL, NULL, NULL,
			"org.freedesktop.DBus.Properties", "PropertiesChanged", note_change,
			watcher);
	return r < 0 ? r : watcher->bus == NULL;
}

static void leave_manager(Watcher *watcher)
{
	sd_bus_flush_close_unref(watcher->bus);
	watcher->bus = NULL;
}

/* WATCH_GOOD also means "not bad so far"; the connection's end is not the unit's. */
static int look_at_unit(Watcher *watcher, Watched *watched, bool is_last)
{
	_cleanup_(unit_freep) Unit *facts = NULL;
	int r = unit_read(watcher->bus, watched->name, &facts, NULL);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		leave_manager(watcher);
		return WATCH_GOOD;
	}
	return verdict_look(watched, facts, time_monotonic_us(), is_last, watcher->reason) > 0
		? WATCH_BAD
		: WATCH_GOOD;
}

static int look_at_units(Watcher *watcher, bool is_last)
{
	const Trial *trial = watcher->watch->trial;
	int r = WATCH_GOOD;

	watcher->has_news = false;
	for (size_t i = 0; watcher->bus && r == WATCH_GOOD && i < trial->unit_count; i++)
		r = look_at_unit(watcher, &watcher->units[i], is_last);
	return r;
}

static int check_health(Watcher *watcher)
{
	int r = health_run(watcher->watch->root, watcher->watch->health_seconds, watcher->reason);

	return r > 0 ? WATCH_BAD : r;
}

/* What they took once they may take again, twice as long on a bad day. */
static int make_first_checks(Watcher *watcher)
{
	uint64_t start = time_boot_us(), taken;
	int r = check_health(watcher);

	taken = time_boot_us() - start;
	watcher->is_checked = true;
	watcher->last_us = watcher->end_us > 2 * taken + SECOND_US
		? watcher->end_us - 2 * taken - SECOND_US
		: 0;
	return r;
}

typedef enum Phase { PHASE_STARTING, PHASE_UP, PHASE_STOPPING, PHASE_UNKNOWN } Phase;

static Phase phase_of(Watcher *watcher)
{
	char state[BUS_WORD_SIZE];

	if (!watcher->has_manager)
		return PHASE_UP;
	if (!watcher->bus || bus_system_state(watcher->bus, state, NULL) < 0) {
		leave_manager(watcher);
		return PHASE_UNKNOWN;
	}
	if (strcmp(state, "stopping") == 0)
		return PHASE_STOPPING;
	return strcmp(state, "initializing") == 0 || strcmp(state, "starting") == 0 ? PHASE_STARTING
										    : PHASE_UP;
}

/* Until a watched unit changes, at most so long. */
static void await_news(Watcher *watcher, uint64_t timeout_us)
{
	uint64_t now = time_monotonic_us(), end = now + timeout_us;

	for (; !watcher->has_news && now < end; now = time_monotonic_us()) {
		int r = watcher->bus ? sd_bus_process(watcher->bus, NULL) : 0;

		if (r == 0 && watcher->bus)
			r = sd_bus_wait(watcher->bus, end - now);
		else if (r == 0)
			usleep((useconds_t)(end - now));
		if (r < 0 && r != -EINTR)
			leave_manager(watcher);
	}
}

static int give_last_verdict(Watcher *watcher)
{
	Phase phase = phase_of(watcher);
	int r;

	if (phase == PHASE_STOPPING)
		return WATCH_SHUTDOWN;
	if (phase == PHASE_UNKNOWN)
		return reason_set(
			watcher->reason, WATCH_BAD, "the service manager does not answer any more");
	if (!watcher->is_checked)
		return reason_set(watcher->reason, WATCH_BAD,
			"the system did not finish starting in %u seconds",
			window_of(watcher->watch->trial));
	r = check_health(watcher);
	return r == WATCH_GOOD ? look_at_units(watcher, true) : r;
}

/* A service that a shutdown stopped is no failure, even where its end was seen before the state. */
static int look(Watcher *watcher)
{
	Phase phase = phase_of(watcher);
	int r = look_at_units(watcher, false);

	if (phase == PHASE_STOPPING || (r == WATCH_BAD && phase_of(watcher) == PHASE_STOPPING))
		return WATCH_SHUTDOWN;
	if (r == WATCH_GOOD && phase == PHASE_UP && !watcher->is_checked)
		r = make_first_checks(watcher);
	return r;
}

static int watch_to_end(Watcher *watcher)
{
	for (;;) {
		uint64_t now;
		int r = is_changed(watcher) ? WATCH_CHANGED : look(watcher);

		if (r != WATCH_GOOD)
			return r;
		now = time_boot_us();
		if (now >= watcher->last_us)
			return give_last_verdict(watcher);
		if (watcher->has_manager && !watcher->bus)
			(void)reach_manager(watcher, NULL);
		await_news(watcher,
			watcher->last_us - now < LOOK_US ? watcher->last_us - now : LOOK_US);
	}
}

static int prepare(Watcher *watcher)
{
	const Trial *trial = watcher->watch->trial;
	uint64_t suspended = time_boot_us() - time_monotonic_us();
	uint64_t started = trial->started * SECOND_US;

	watcher->end_us = started + window_of(trial) * SECOND_US;
	watcher->last_us = watcher->end_us;
	watcher->units = memory_new_array(trial->unit_count, sizeof(Watched));
	if (!watcher->units)
		return -ENOMEM;
	for (size_t i = 0; i < trial->unit_count; i++)
		watcher->units[i] = (Watched){.name = trial->units[i],
			.switched_us = started > suspended ? started - suspended : 0};
	return 0;
}

int watch_trial(const Watch *watch, void (*warn)(const Reason *why), Reason *ret_reason)
{
	Watcher watcher = {.watch = watch, .reason = ret_reason};
	Reason why = {};
	int r = prepare(&watcher);

	if (r == 0)
		r = reach_manager(&watcher, &why);
	if (r > 0)
		warn(&why);
	watcher.has_manager = r == 0;
	if (r >= 0)
		r = watch_to_end(&watcher);
	else
		reason_set(ret_reason, r, "%s", why.text);
	leave_manager(&watcher);
	free(watcher.units);
	return r;
}
