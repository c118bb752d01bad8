/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Services: what a change of the mounts means for the programs that run. Who runs what is not
 * wanted is found by exposure; whose these processes are, and restarting them, is suture-restart's.
 *
 *     services_switch(manager, number, &outcome, &reason)        in place of worker_switch()
 *     manager_look_after_services(manager, &outcome)             after all switches
 *     services_preview(manager, generation, &impact, &reason)    instead of both
 *
 * All of it is of the machine that runs: below another root there is nothing to restart and nothing
 * to watch, unless a service manager for it was named.
 */
#include "device/manager/manager.h"

bool services_are_ours(const Manager *manager);

/* What has to be restarted for all images of a generation. */
RestartScope services_scope(const Generation *generation);

/* Switches, with a trial where it is to an improvement, and notes both in the outcome; with its
 * first switch also what was mounted before. Who runs that, and who is to be watched, may turn out
 * not to be known: then that is the outcome's problem, and the switch is made. */
int services_switch(
	const Manager *manager, uint32_t number, Outcome *outcome, Reason *reterr_reason);

/* The same for the next boot. */
int services_select(
	const Manager *manager, uint32_t number, Outcome *outcome, Reason *reterr_reason);

/* Only looks: who runs code that would not be wanted if this generation came in the place of what
 * is mounted, and what would be restarted. NULL: the base. */
int services_preview(
	const Manager *manager, const Generation *now, Impact *ret_impact, Reason *reterr_reason);

/* Behind those that are noted already. `error` 0 is none. */
void outcome_add_problem(Outcome *outcome, int error, const char *what, const Reason *why);

/* What the generation asks to be run after it was put on or taken off (after.h); NULL: nothing. */
void outcome_run_after(Outcome *outcome, const char *root, const Generation *generation);
