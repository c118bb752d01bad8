/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * History: what happened to this machine, one line per event in the store's file `history`:
 *
 *     {"time":"2026-11-22T04:46:25Z","event":"activated","generation":1,"sequence":1,"text":"…"}
 *
 * It is only ever appended to. A line that a power cut tore is skipped by the reader and ended by
 * the next append; it never hides another.
 */
#include <stdint.h>

#include "base/time.h"
#include "device/store/store.h"

#define HISTORY_EVENT_MAX 32
#define HISTORY_TEXT_MAX  1024
#define HISTORY_READ_MAX  (1024 * 1024) /* the newest part of the file that is read */

typedef struct HistoryEntry {
	char time[TIME_TEXT_SIZE];
	char event[HISTORY_EVENT_MAX + 1]; /* [a-z-] */
	uint32_t generation;
	uint32_t sequence;
	char text[HISTORY_TEXT_MAX + 1];
} HistoryEntry;

/* Appends an event with the present time, and makes it last. Longer text is cut. The journal is
 * told the same (event.h), whatever becomes of the file. */
int history_append(Store *store, const char *event, uint32_t generation, uint32_t sequence,
	const char *text, Reason *reterr_reason);

/* The newest entries, oldest first; the caller frees them. */
int history_read(
	const Store *store, HistoryEntry **ret_entries, size_t *ret_count, Reason *reterr_reason);

/* The largest generation number in it, 0 for none. */
int history_highest_generation(const Store *store, uint32_t *ret, Reason *reterr_reason);

/* Pure: one line without its newline. -EBADMSG for anything but what history_append() writes. */
int history_parse_line(const char *line, HistoryEntry *ret);
