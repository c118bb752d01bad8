/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Watch: looks at the units and the health checks of a trial to the end of its window.
 *
 * The last checks begin early enough to be done within the window, judged by how long the first
 * ones took, and are left out when they cannot be: whoever guards the deadline must not have to
 * guess. A unit that is on its way up then has the rest of the window; what hangs, a check or the
 * manager, is given up a few seconds behind it. While a boot is not complete, the
 * first checks wait; one that is still not complete at the end has failed. A system that is being
 * shut down stops its services, and says nothing about them.
 */
#include "device/store/trial.h"
#include "device/trial/verdict.h"

typedef struct Watch {
	const Store *store;
	const Trial *trial;
	const char *root;
	const char *address; /* of bus_open() */
	unsigned health_seconds;
	Watched *units; /* as many as the trial's, zeroed: what became of them, for undo.h */
	void (*tell)(const Reason *what); /* what is not judged, and why */
} Watch;

typedef enum WatchEnd {
	WATCH_GOOD,
	WATCH_BAD,     /* the reason is one sentence that names the unit or check */
	WATCH_CHANGED, /* the record is another, or gone: there is nothing to judge any more */
	WATCH_SHUTDOWN,
} WatchEnd;

/* A WatchEnd; or a negative errno, and nothing is known. */
int watch_trial(const Watch *watch, Reason *ret_reason);

/* Whether the record is of what is grafted in this boot: else nobody has to watch. */
bool watch_is_due(const Store *store, const Trial *trial);
