/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Watch: looks at the units and the health checks of a trial to the end of its window.
 *
 * The last checks begin early enough to be done within the window, judged by how long the first
 * ones took: whoever guards the deadline must not have to guess. While a boot is not complete, the
 * first checks wait; one that is still not complete at the end has failed. A system that is being
 * shut down stops its services, and says nothing about them.
 */
#include "device/store/trial.h"
#include "device/unit/bus.h"

typedef struct Watch {
	const Store *store;
	const Trial *trial;
	const char *root;
	const char *address; /* of bus_open() */
	unsigned health_seconds;
} Watch;

typedef enum WatchEnd {
	WATCH_GOOD,
	WATCH_BAD,     /* the reason is one sentence that names the unit or check */
	WATCH_CHANGED, /* the record is another, or gone: there is nothing to judge any more */
	WATCH_SHUTDOWN,
} WatchEnd;

/* A WatchEnd; or a negative errno, and nothing is known. `warn` is told once when nobody manages
 * services, so that only health checks count. */
int watch_trial(const Watch *watch, void (*warn)(const Reason *why), Reason *ret_reason);

/* Whether the record is of what is grafted in this boot: else nobody has to watch. */
bool watch_is_due(const Store *store, const Trial *trial);
