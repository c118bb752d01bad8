/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Facts: what the rest of the system sees of improvements, in the places where other programs look:
 * /run/suture/patch-release, login messages, the flags that ask for a restart, and metrics. All of
 * it follows from the object of `suture status --json` and is kept nowhere else; os-release stays
 * as the base has it. suture-facts(7) describes each file.
 *
 *     r = facts_take_turn("/", &turn, &reason);         before the status is made
 *     r = status_make(&manager, &status, &reason);
 *     r = facts_write("/", status, &reason);
 *     turn = fd_close(turn);
 *
 * facts_refresh() is all of that. Files are replaced in one step, and only where they change, so
 * that who watches them is not woken for nothing.
 */
#include <jansson.h>

#include "base/reason.h"

/* Of two programs that write, the later one has the later state: without a turn an older state
 * could be written last. -EBUSY: another one has it for 5 seconds. The turn ends with the
 * descriptor. */
int facts_take_turn(const char *root, int *ret_turn, Reason *reterr_reason);

/* Writes everything, or takes away what is not so any more. A file that cannot be written keeps no
 * other from being: the reason is of the first. */
int facts_write(const char *root, const json_t *status, Reason *reterr_reason);

/* All of the above, as root. *ret_status, what was written follows from it; may be NULL. */
int facts_refresh(const char *root, json_t **ret_status, Reason *reterr_reason);
