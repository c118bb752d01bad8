/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/events.h"

#include <errno.h>

#include "wire/delta/model/little.h"
#include "wire/delta/model/varint.h"

static const uint8_t sizes[] = {1, 4, 8};

/* The distance from the event before with the size in its lowest two bits, then the change. */
static int append(Events *events, const Event *event)
{
	uint64_t distance = event->target - events->last, code = 0;
	uint8_t change[8];
	int r;

	while (sizes[code] != event->size)
		code++;
	r = varint_append(&events->bytes, distance << 2 | code);
	little_write(change, event->size, event->change);
	return r < 0 ? r : buffer_append(&events->bytes, change, event->size);
}

int events_add(Events *events, const Event *event)
{
	int r = 0;

	if (events->bytes.size > EVENTS_BYTES_MAX)
		return -EBADMSG;
	if (events->count % EVENTS_STEP == 0) {
		r = memory_grow(&events->marks, events->mark_count, sizeof(EventMark));
		if (r < 0)
			return r;
		events->marks[events->mark_count++] = (EventMark){events->last, events->bytes.size};
	}
	r = append(events, event);
	events->last = event->target;
	events->count++;
	return r;
}

void events_done(Events *events)
{
	buffer_done(&events->bytes);
	memory_free(events->marks);
	*events = (Events){};
}

EventCursor events_from(const Events *events, uint64_t offset)
{
	EventCursor cursor = {.events = events, .from = offset};
	size_t low = 0, high = events->mark_count;

	/* The last mark whose event before lies before the offset. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (events->marks[middle].before < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0) {
		cursor.at = events->marks[low - 1].at;
		cursor.last = events->marks[low - 1].before;
	}
	return cursor;
}

bool events_next(EventCursor *cursor, Event *ret)
{
	const Buffer *bytes = &cursor->events->bytes;
	const uint8_t *at, *end;
	uint64_t head;
	uint8_t size;

	if (bytes->size == 0)
		return false; /* and there is no address to count from */
	at = bytes->data + cursor->at;
	end = bytes->data + bytes->size;
	do {
		if (at == end || varint_read(&at, end, UINT64_MAX, &head) < 0)
			return false;
		size = sizes[head & 3];
		at += size;
		cursor->at = (size_t)(at - bytes->data);
		cursor->last += head >> 2;
	} while (cursor->last < cursor->from);
	*ret = (Event){cursor->last, little_read(at - size, size), size};
	return true;
}
