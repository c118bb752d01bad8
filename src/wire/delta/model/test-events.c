/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "test.h"
#include "wire/delta/model/events.h"

#define COUNT 1000

static Event event_of(size_t i)
{
	static const uint8_t sizes[] = {1, 4, 8};

	return (Event){
		10 + 300 * i, UINT64_C(0x8877665544332211) >> i % 3 * 8 & 0xff, sizes[i % 3]};
}

static void fill(Events *events)
{
	for (size_t i = 0; i < COUNT; i++) {
		Event event = event_of(i);

		ASSERT_OK(events_add(events, &event));
	}
}

TEST(nothing_is_told_of_no_events)
{
	Events events = {};
	EventCursor cursor = events_from(&events, 0);
	Event event;

	ASSERT(!events_next(&cursor, &event));
}

TEST(reading_can_begin_anywhere)
{
	_cleanup_(events_done) Events events = {};

	fill(&events);
	for (uint64_t from = 0; from < 300 * COUNT + 100; from += 37) {
		EventCursor cursor = events_from(&events, from);
		size_t i = from <= 10 ? 0 : (size_t)((from - 10 + 299) / 300);
		Event event;

		for (size_t n = 0; n < 3 && i < COUNT; n++, i++) {
			Event expected = event_of(i);

			ASSERT(events_next(&cursor, &event));
			ASSERT_EQ(event.target, expected.target);
			ASSERT_EQ(event.size, expected.size);
			ASSERT_EQ(event.change, expected.change);
		}
		if (i == COUNT)
			ASSERT(!events_next(&cursor, &event));
	}
}

TEST(there_is_a_limit)
{
	_cleanup_(events_done) Events events = {};
	Event event = {.change = 1, .size = 8};
	int r = 0;

	while (r == 0) {
		event.target += 5;
		r = events_add(&events, &event);
	}
	ASSERT_ERROR(-EBADMSG, r);
	ASSERT(events.bytes.size > EVENTS_BYTES_MAX && events.bytes.size < EVENTS_BYTES_MAX + 16);
	ASSERT_EQ(events.count, EVENTS_BYTES_MAX / 9 + 1);
}
