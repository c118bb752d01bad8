/* SPDX-License-Identifier: Apache-2.0 */
#include "device/trial/watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "device/trial/health.h"
#include "device/unit/job.h"

#define LOOK_US   UINT64_C(1000000) /* also where no signal says that something changed */
#define LAST_US   UINT64_C(100000)  /* the same between the last looks */
#define SECOND_US UINT64_C(1000000)
/* Behind the window; the guard gives 30 seconds, in which the verdict is carried out too. */
#define GRACE_US (10 * SECOND_US)
#define CALL_US  (5 * SECOND_US) /* a manager that hangs must not take the rest of it */

typedef struct Watcher {
	const Watch *watch;
	sd_bus *bus; /* NULL: nobody manages services, or the connection broke */
	bool has_manager;
	uint64_t end_us;       /* CLOCK_BOOTTIME */
	uint64_t limit_us;     /* the verdict is due */
	uint64_t last_us;      /* when the last checks begin */
	bool is_checked;       /* the first checks were made */
	bool is_checked_again; /* so were the last, or there is no time for them */
	bool has_news;         /* a unit changed */
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

static Watched *find_watched(const Watcher *watcher, const char *name)
{
	for (size_t i = 0; i < watcher->watch->trial->unit_count; i++)
		if (strcmp(watcher->watch->units[i].name, name) == 0)
			return &watcher->watch->units[i];
	return NULL;
}

static int note_change(sd_bus_message *message, void *context, sd_bus_error *error)
{
	_cleanup_(unit_freep) Unit *changes = NULL;
	_cleanup_free_ char *name = NULL;
	Watcher *watcher = context;
	Watched *watched = NULL;

	if (sd_bus_path_decode(sd_bus_message_get_path(message), BUS_UNIT_PATH, &name) > 0)
		watched = find_watched(watcher, name);
	if (!watched)
		return 0;
	watcher->has_news = true;
	if (unit_read_change(message, &changes) == 0)
		verdict_note_change(watched, changes);
	return 0;
}

static int note_job(sd_bus_message *message, void *context, sd_bus_error *error)
{
	Watcher *watcher = context;
	const char *path, *unit, *result;
	Watched *watched;
	uint32_t id;

	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0 ||
		strcmp(result, JOB_DONE) != 0)
		return 0;
	watched = find_watched(watcher, unit);
	if (!watched)
		return 0;
	watcher->has_news = true;
	verdict_note_job_done(watched);
	return 0;
}

static void leave_manager(Watcher *watcher)
{
	sd_bus_flush_close_unref(watcher->bus);
	watcher->bus = NULL;
}

/* Also again, when process 1 executed itself anew and took the connection with it. */
static int reach_manager(Watcher *watcher, Reason *reason)
{
	int r = bus_open(watcher->watch->address, &watcher->bus, reason);

	if (r != 0)
		return r;
	r = sd_bus_set_method_call_timeout(watcher->bus, CALL_US);
	if (r >= 0)
		r = sd_bus_match_signal(watcher->bus, NULL, NULL, NULL,
			"org.freedesktop.DBus.Properties", "PropertiesChanged", note_change,
			watcher);
	if (r >= 0)
		r = job_watch(watcher->bus, NULL, note_job, watcher);
	if (r < 0)
		leave_manager(watcher);
	return r < 0 ? r : 0;
}

/* What systemd said before it answered is of before, and what it says later of later. */
static void take_queued(sd_bus *bus)
{
	uint64_t count;

	while (sd_bus_get_n_queued_read(bus, &count) >= 0 && count > 0)
		if (sd_bus_process(bus, NULL) < 0)
			return;
}

/* WATCH_GOOD also means "not bad so far"; the connection's end is not the unit's, and what cannot
 * be told of a unit, as when it is just unloaded, says nothing of it. */
static int look_at_unit(Watcher *watcher, Watched *watched, bool is_last)
{
	_cleanup_(unit_freep) Unit *facts = NULL;
	int r = unit_read(watcher->bus, watched->name, &facts, NULL);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		watched->is_awaited = watched->has_job = false;
		if (bus_is_lost(watcher->bus, r))
			leave_manager(watcher);
		return WATCH_GOOD;
	}
	take_queued(watcher->bus);
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
		r = look_at_unit(watcher, &watcher->watch->units[i], is_last);
	return r;
}

/* Whether all units were looked at, and none has yet to come up. */
static bool is_clear(const Watcher *watcher)
{
	for (size_t i = 0; i < watcher->watch->trial->unit_count; i++)
		if (watcher->watch->units[i].is_awaited)
			return false;
	return watcher->bus || !watcher->has_manager;
}

static bool has_jobs(const Watcher *watcher)
{
	for (size_t i = 0; i < watcher->watch->trial->unit_count; i++)
		if (watcher->watch->units[i].has_job)
			return true;
	return false;
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

/* Where a unit's end explains what a check found, the unit is named. */
static int check_health(Watcher *watcher)
{
	int r = health_run(watcher->watch->root, watcher->watch->health_seconds, watcher->limit_us,
		watcher->reason);

	if (r <= 0)
		return r;
	if (!is_clear(watcher))
		await_news(watcher, LOOK_US);
	return look_at_units(watcher, false) < 0 ? -ENOMEM : WATCH_BAD;
}

static void tell_of_time(const Watcher *watcher, uint64_t taken_us)
{
	Reason what;

	reason_set(&what, 0,
		"the health checks took %llu seconds, so there is no time for a second run in the "
		"trial's %u: the first one counts",
		(unsigned long long)((taken_us + SECOND_US - 1) / SECOND_US),
		window_of(watcher->watch->trial));
	watcher->watch->tell(&what);
}

/* What they took once they may take again, twice as long on a bad day. */
static int make_first_checks(Watcher *watcher)
{
	uint64_t start = time_boot_us(), now, taken;
	int r = check_health(watcher);

	now = time_boot_us();
	taken = now - start;
	watcher->is_checked = true;
	if (now + taken > watcher->end_us) {
		watcher->is_checked_again = true;
		if (r == WATCH_GOOD && start < watcher->end_us)
			tell_of_time(watcher, taken);
		return r;
	}
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
	if (!watcher->bus && reach_manager(watcher, NULL) != 0)
		return PHASE_UNKNOWN;
	if (bus_system_state(watcher->bus, state, NULL) < 0) {
		leave_manager(watcher);
		return PHASE_UNKNOWN;
	}
	if (strcmp(state, "stopping") == 0)
		return PHASE_STOPPING;
	return strcmp(state, "initializing") == 0 || strcmp(state, "starting") == 0 ? PHASE_STARTING
										    : PHASE_UP;
}

static int look_last(Watcher *watcher, Phase phase)
{
	int r = WATCH_GOOD;

	if (!watcher->is_checked && phase == PHASE_STARTING)
		return reason_set(watcher->reason, WATCH_BAD,
			"the system did not finish starting in %u seconds",
			window_of(watcher->watch->trial));
	if (!watcher->is_checked_again)
		r = check_health(watcher);
	watcher->is_checked_again = true;
	return r == WATCH_GOOD ? look_at_units(watcher, time_boot_us() >= watcher->end_us) : r;
}

/* Process 1 may be executing itself anew in this very moment. */
static int give_last_verdict(Watcher *watcher)
{
	for (;;) {
		Phase phase = phase_of(watcher);
		int r = phase == PHASE_UP || phase == PHASE_STARTING ? look_last(watcher, phase)
								     : WATCH_GOOD;

		if (phase == PHASE_STOPPING ||
			(r == WATCH_BAD && phase_of(watcher) == PHASE_STOPPING))
			return WATCH_SHUTDOWN;
		if (r != WATCH_GOOD || (phase != PHASE_UNKNOWN && is_clear(watcher)))
			return r;
		if (time_boot_us() >= watcher->limit_us)
			return reason_set(watcher->reason, WATCH_BAD,
				"the service manager does not answer any more");
		await_news(watcher, LAST_US);
	}
}

/* A service that a shutdown stopped is no failure, even where its end was seen before the state. */
static int look(Watcher *watcher)
{
	Phase phase = phase_of(watcher);
	int r = look_at_units(watcher, false);

	/* a check that asks a service which is just being restarted would find it away */
	if (r == WATCH_GOOD && phase == PHASE_UP && !watcher->is_checked && !has_jobs(watcher))
		r = make_first_checks(watcher);
	if (phase == PHASE_STOPPING || (r == WATCH_BAD && phase_of(watcher) == PHASE_STOPPING))
		return WATCH_SHUTDOWN;
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
		await_news(watcher,
			watcher->last_us - now < LOOK_US ? watcher->last_us - now : LOOK_US);
	}
}

static void prepare(Watcher *watcher)
{
	const Trial *trial = watcher->watch->trial;
	uint64_t now = time_boot_us();

	watcher->end_us = (trial->started + window_of(trial)) * SECOND_US;
	watcher->last_us = watcher->end_us;
	watcher->limit_us = (watcher->end_us > now ? watcher->end_us : now) + GRACE_US;
	for (size_t i = 0; i < trial->unit_count; i++)
		watcher->watch->units[i] = (Watched){.name = trial->units[i]};
}

int watch_trial(const Watch *watch, Reason *ret_reason)
{
	Watcher watcher = {.watch = watch, .reason = ret_reason};
	Reason why = {}, what;
	int r;

	prepare(&watcher);
	r = reach_manager(&watcher, &why);
	if (r < 0)
		return reason_set(ret_reason, r, "%s", why.text);
	if (r > 0) {
		reason_set(&what, 0, "%s, so only health.d counts", why.text);
		watch->tell(&what);
	}
	watcher.has_manager = r == 0;
	r = watch_to_end(&watcher);
	leave_manager(&watcher);
	return r;
}
