/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Watch: waits, and notices meanwhile that something was mounted or unmounted on this machine.
 *
 *     _cleanup_watch_ Watch watch = {.mountinfo = -1};
 *     r = watch_open(&watch, &reason);
 *     while (watch_wait(&watch, signals, end) == WATCH_MOUNTS)
 *             watch_tried(&watch, mend());
 *
 * Changes come in bursts, so the news come a moment after the first of them. What could not be
 * mended is tried again, later each time, whether or not anything changes; who does so need not
 * fear that its own mounts wake it for ever.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

#define WATCH_BURST_MS     200   /* systemd-sysext takes about 50 ms to merge */
#define WATCH_PAUSE_MS     500   /* between two looks, so that a busy container host costs little */
#define WATCH_PAUSE_MAX_MS 60000 /* somebody may have to unmount something by hand */

typedef struct Watch {
	int mountinfo;
	bool due;          /* something changed, or has to be tried again */
	uint64_t earliest; /* of the next look, in milliseconds of the monotonic clock */
	unsigned failures; /* in a row */
} Watch;

typedef enum WatchEvent {
	WATCH_TIME, /* `end` is there */
	WATCH_SIGNAL,
	WATCH_MOUNTS,
} WatchEvent;

int watch_open(Watch *ret_watch, Reason *reterr_reason);
void watch_done(Watch *watch);
#define _cleanup_watch_ _cleanup_(watch_done)

/* Until `end`, in milliseconds of watch_now(), or until `signals` can be read. */
WatchEvent watch_wait(Watch *watch, int signals, uint64_t end);
uint64_t watch_now(void);

/* After WATCH_MOUNTS: how it went. */
void watch_tried(Watch *watch, bool mended);

/* Milliseconds until the next look after so many failures in a row. */
uint64_t watch_pause(unsigned failures);
