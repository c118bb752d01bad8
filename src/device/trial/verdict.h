/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Verdict: whether a unit that used a component holds out with the new one. Pure: looks at what
 * systemd says of it, again and again, and remembers what it has to.
 *
 *     Watched unit = {.name = "a.service"};
 *     verdict_look(&unit, facts, now_us, false, &reason)      positive: it failed
 *     verdict_look(&unit, facts, now_us, true, &reason)       the last look
 *
 * A unit fails when systemd calls it failed; when it ended badly and Restart= starts it again; or
 * when it is not active any more though nobody but the boot starts it. What is started on demand (a
 * socket, a timer, the bus) may end when it has nothing to do, and what nobody has started in this
 * boot says nothing. "Badly" is systemd's Result, which knows the unit's SuccessExitStatus=.
 *
 * What somebody stops is no failure. systemd does not keep who ended a unit, but tells of each job
 * that is done, and before that of the state that the unit has by then; who listens calls
 *
 *     verdict_note_change(&unit, changes)         what a signal told
 *     verdict_note_job_done(&unit)
 *
 * in the order of the signals, and those that came before an answer first.
 */
#include "device/unit/unit.h"

/* Between the stop and the start of a restart a unit is inactive for an instant. */
#define VERDICT_DOWN_US (2 * UINT64_C(1000000))

typedef struct Watched {
	const char *name;
	bool is_stopped; /* by somebody */
	bool is_awaited; /* it has to come up; the last look would fail it */
	bool has_job;    /* it is just being started, stopped or restarted */
	bool was_told_ended;
	bool was_seen, was_active;
	uint64_t started_us; /* CLOCK_MONOTONIC of the start that was seen up */
	uint32_t restarts;   /* by Restart=, that do not count */
	uint64_t down_since; /* CLOCK_MONOTONIC; 0: it is not down */
} Watched;

/* Positive: it failed, and the reason says how in words that follow its name. */
int verdict_look(
	Watched *unit, const Unit *facts, uint64_t now_us, bool is_last, Reason *ret_reason);

void verdict_note_change(Watched *unit, const Unit *changes);
void verdict_note_job_done(Watched *unit);
