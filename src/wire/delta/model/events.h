/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Events: what is different from a prediction after all, by rising place, kept in few bytes because
 * a patch with a million of them should still be applied in little memory.
 *
 *     events_add(&events, &event);                     a decoder, page by page
 *     for (EventCursor c = events_from(&events, offset); events_next(&c, &event);) …
 */
#include <stdbool.h>

#include "base/buffer.h"

/* More than half a million events of the longest usual kind, 7 bytes; the largest update measured
 * has a third of that. */
#define EVENTS_BYTES_MAX ((size_t)4 << 20)

/* A number to add. */
typedef struct Event {
	uint64_t target; /* offset in the new file */
	uint64_t change;
	uint8_t size; /* 1, 4 or 8 bytes, little-endian */
} Event;

/* Every so many events, where reading can begin. */
#define EVENTS_STEP 128
typedef struct EventMark {
	uint64_t before; /* the target of the event before */
	size_t at;
} EventMark;

typedef struct Events {
	Buffer bytes;
	EventMark *marks;
	size_t mark_count, count;
	uint64_t last;
} Events;

/* 0, -ENOMEM, -EBADMSG: above EVENTS_BYTES_MAX. Targets rise from call to call. */
int events_add(Events *events, const Event *event);
void events_done(Events *events);

typedef struct EventCursor {
	const Events *events;
	size_t at;
	uint64_t last, from;
} EventCursor;

/* From the first event at or behind the offset on. */
EventCursor events_from(const Events *events, uint64_t offset);
bool events_next(EventCursor *cursor, Event *ret);
