/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Undo: after a revert, gets the services back to the code that is mounted then. Those that run
 * what was withdrawn are restarted as after an installation (device/restart); those of the trial
 * that failed, and so run nothing, are started, but not those that somebody stopped. The owner's
 * suture.conf counts for the former: what is protected is not restarted. Starting what the
 * improvement brought down is owed in any case.
 */
#include "device/store/trial.h"
#include "device/trial/verdict.h"

typedef struct Undo {
	const Store *store;
	const char *root, *address;   /* of bus_open() */
	const Trial *trial;           /* as it was before the revert, as what follows */
	const Watched *units;         /* of the trial, as they were seen last */
	const Generation *generation; /* what was withdrawn; NULL when its record cannot be read */
} Undo;

/* Positive: not all came up, and the reason names one. */
int undo_services(const Undo *undo, Reason *reterr_reason);
