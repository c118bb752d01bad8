/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Guard: the process that owns a trial's deadline, whatever the improvement has broken.
 *
 * Static, executed from a sealed memory file, locked in memory, and started before the first mount
 * (grafting rule 12). It looks once a second: when the trial has ended, or the mounts are gone, it
 * ends. When a program that links the C library cannot be run right after the switch, or the
 * deadline passes, it reverts by itself; after a boot that never completed it then restarts the
 * machine.
 */
#include "device/activate/runtime.h"

#define GUARD_GRACE 30 /* seconds behind the window, in which suture-trial settles or reverts */

/* Starts one and waits until it holds everything it needs, unless one is there. `at_boot`: for the
 * trial of a boot, whose way out is a restart where the boot does not complete. */
int guard_start(const Runtime *runtime, bool at_boot, Reason *reterr_reason);

typedef struct GuardDuty {
	const char *root, *run; /* as for activation_open() */
	unsigned features;
	bool at_boot;
	int ready_fd; /* gets a byte and is closed once all is held; -1: none */
} GuardDuty;

/* The guard itself: returns when its duty is over. Positive, with the reason: it reverted.
 * *ret_restart: this boot never completed, so that nothing but a restart of the machine helps;
 * untouched otherwise. */
int guard_run(const GuardDuty *duty, bool *ret_restart, Reason *reason);

/* Whether one is there. */
bool guard_is_there(const Runtime *runtime);
