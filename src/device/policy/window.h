/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Window: when something may be restarted by itself, in the machine's local time.
 *
 *     Mon..Fri 03:00-05:00        on these days
 *     Sat,Sun 22:00-06:00         begins on these days, and ends on the next one
 *     00:00-24:00                 every day
 *
 * Local time is what a clock on the wall shows. Where it jumps forward, the minutes that are left
 * out are no part of any window; where it is set back, a window is open both times.
 *
 * Pure but for the time zone, which is the process's (TZ, /etc/localtime).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_SEARCH_DAYS 15 /* two weeks: a clock that jumps may leave one out */

typedef struct Window {
	uint8_t days;        /* bit n: begins on day n, Sunday is 0 */
	uint16_t start, end; /* minutes of the day; an end that is not after the start is on the
				next day */
} Window;

/* 0 or -EINVAL. */
int window_parse(const char *text, Window *ret_window);

/* Whether one of them is open at `time`, in seconds since 1970. Where there is none it always is.
 */
bool window_is_open(const Window *windows, size_t count, int64_t time);

/* When one is open next, to the minute: `time` itself if it is now. -ENOENT: not in two weeks. */
int window_next(const Window *windows, size_t count, int64_t time, int64_t *ret_time);
