/* SPDX-License-Identifier: Apache-2.0 */
#include "device/trial/verdict.h"

#include <signal.h>
#include <string.h>

#include "base/text.h"

#define CANNOT_EXECUTE                                                                             \
	127 /* what the dynamic linker ends with when a library or symbol is missing */

static int fail_with_end(const Unit *facts, const char *what, Reason *reason)
{
	if (facts->main_code == CLD_EXITED && facts->main_status == CANNOT_EXECUTE)
		return reason_set(reason, 1,
			"%s %s: its program ended with 127, as when a library or symbol is missing",
			facts->id, what);
	if (facts->main_code == CLD_EXITED)
		return reason_set(reason, 1, "%s %s: its program ended with %d", facts->id, what,
			facts->main_status);
	if (facts->main_code == CLD_KILLED || facts->main_code == CLD_DUMPED)
		return reason_set(reason, 1, "%s %s: its program was ended by signal %d", facts->id,
			what, facts->main_status);
	return reason_set(reason, 1, "%s %s: %s", facts->id, what, facts->result);
}

static bool ended_badly(const Unit *facts)
{
	return facts->result[0] && strcmp(facts->result, "success") != 0;
}

/* The count says nothing of when. Somebody's restart sets it back: all of it is new then. */
static void set_baseline(Watched *unit, const Unit *facts)
{
	if (!unit->was_seen)
		unit->restarts = facts->restarts;
	else if (facts->restarts < unit->restarts)
		unit->restarts = 0;
	unit->was_seen = true;
}

/* Whether Restart= starts it only when it ended badly: then a restart tells all. */
static bool restarts_on_failure(const Unit *facts)
{
	return strcmp(facts->restart_policy, "always") != 0 &&
		strcmp(facts->restart_policy, "on-success") != 0;
}

static int look_at_restarts(const Watched *unit, const Unit *facts, Reason *reason)
{
	if (text_starts_with(facts->sub_state, "auto-restart") && ended_badly(facts))
		return fail_with_end(facts, "does not stay up", reason);
	if (facts->restarts > unit->restarts && restarts_on_failure(facts))
		return reason_set(reason, 1, "%s does not stay up: it was started again %u times",
			facts->id, facts->restarts - unit->restarts);
	return 0;
}

/* A restart lets a unit fail for an instant when the old program does not end well. */
static int look_at_failure(Watched *unit, const Unit *facts, bool is_last, Reason *reason)
{
	unit->is_awaited = facts->job != 0;
	return unit->is_awaited && !is_last ? 0 : fail_with_end(facts, "failed", reason);
}

static bool ends_by_itself(const Unit *facts)
{
	return facts->triggered_by || facts->bus_name[0] || strcmp(facts->type, "dbus") == 0 ||
		strcmp(facts->type, "oneshot") == 0;
}

/* It is neither active nor failed. */
static int look_at_rest(
	Watched *unit, const Unit *facts, uint64_t now_us, bool is_last, Reason *reason)
{
	bool has_ended = unit_has_ended(facts);

	/* what is being stopped was asked to stop; how long that takes says nothing */
	if (facts->inactive_exit_us == 0 || ends_by_itself(facts) ||
		strcmp(facts->active_state, "deactivating") == 0)
		return 0;
	unit->is_awaited = true;
	if (is_last)
		return has_ended && facts->job == 0
			? reason_set(reason, 1, "%s is not active any more", facts->id)
			: reason_set(reason, 1, "%s does not get ready", facts->id);
	if (!has_ended || !unit->was_active || facts->job != 0)
		return 0;
	if (unit->down_since == 0)
		unit->down_since = now_us;
	return now_us - unit->down_since >= VERDICT_DOWN_US
		? reason_set(reason, 1, "%s is not active any more", facts->id)
		: 0;
}

void verdict_note_change(Watched *unit, const Unit *changes)
{
	if (changes->active_state[0])
		unit->was_told_ended = unit_has_ended(changes);
}

/* Other jobs than one that stops it leave it up, or are not "done" when it failed. */
void verdict_note_job_done(Watched *unit)
{
	unit->is_stopped = unit->was_told_ended;
}

int verdict_look(
	Watched *unit, const Unit *facts, uint64_t now_us, bool is_last, Reason *ret_reason)
{
	int r;

	set_baseline(unit, facts);
	unit->is_awaited = false;
	unit->has_job = facts->job != 0;
	/* a start that ended well at once is "done" as well */
	if (!unit_has_ended(facts) || facts->inactive_exit_us != unit->started_us)
		unit->is_stopped = false;
	if (unit->is_stopped)
		return 0;
	if (strcmp(facts->active_state, "failed") == 0)
		return look_at_failure(unit, facts, is_last, ret_reason);
	r = look_at_restarts(unit, facts, ret_reason);
	if (r > 0)
		return r;
	if (!unit_is_active(facts))
		return look_at_rest(unit, facts, now_us, is_last, ret_reason);
	unit->was_active = true;
	unit->started_us = facts->inactive_exit_us;
	unit->down_since = 0;
	return 0;
}
