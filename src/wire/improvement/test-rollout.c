/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "wire/improvement/rollout.h"

#define DEVICES    1000000
#define TOLERANCE  (DEVICES / 500) /* 0.2 points */
#define MACHINE_ID "4c2a1d0f8f5d4f0e9a6a3f6f3b8a7c11"

static void machine_id(unsigned number, char *ret)
{
	snprintf(ret, 33, "%08x%08x%016x", number * 2654435761u, number ^ 0x5bd1e995u, number);
}

TEST(the_share_of_devices_is_the_percent)
{
	static const unsigned percents[] = {1, 5, 25, 50, 99};
	size_t admitted[ARRAY_SIZE(percents)] = {}, both = 0;

	for (unsigned n = 0; n < DEVICES; n++) {
		uint64_t place, other;
		char id[33];

		machine_id(n, id);
		ASSERT_OK(rollout_place(id, "exampleos", "26.3.1_x86_64", 1, &place));
		for (size_t i = 0; i < ARRAY_SIZE(percents); i++)
			admitted[i] += rollout_admits(place, percents[i]);
		if (n % 20 != 0)
			continue;
		/* the next improvement picks on other devices first */
		ASSERT_OK(rollout_place(id, "exampleos", "26.3.1_x86_64", 2, &other));
		both += rollout_admits(place, 10) && rollout_admits(other, 10);
	}
	for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
		size_t wanted = (size_t)DEVICES / 100 * percents[i];

		if (admitted[i] + TOLERANCE < wanted || admitted[i] > wanted + TOLERANCE)
			test_fail(
				__FILE__, __LINE__, "%u %%: %zu devices", percents[i], admitted[i]);
	}
	/* of 50,000 devices 10 % of 10 %: 500, give or take five deviations */
	ASSERT(both > 388 && both < 612);
}

TEST(who_is_in_stays_in)
{
	for (unsigned n = 0; n < 500; n++) {
		bool was_in = false;
		uint64_t place;
		char id[33];

		machine_id(n, id);
		ASSERT_OK(rollout_place(id, "exampleos", "26.3.1_x86_64", 1, &place));
		for (unsigned percent = 0; percent <= 100; percent++) {
			bool is_in = rollout_admits(place, percent);

			ASSERT(is_in || !was_in);
			was_in = is_in;
		}
		ASSERT(was_in);
	}
}

TEST(nought_admits_nobody_and_a_hundred_everybody)
{
	ASSERT(!rollout_admits(0, 0));
	ASSERT(rollout_admits(UINT64_MAX, 100));
	ASSERT(rollout_admits(UINT64_MAX, 101));
	ASSERT(rollout_admits(0, 1));
	ASSERT(!rollout_admits(UINT64_MAX, 99));
}

/* Frozen (SHA-256 of the five lines, by another program): a new client must not draw the lots
 * again. */
TEST(places_are_frozen)
{
	uint64_t place, other;

	ASSERT_OK(rollout_place(MACHINE_ID, "exampleos", "26.3.1_x86_64", 1, &place));
	ASSERT_EQ(place, UINT64_C(0xafd4dbb5c7bc8830));
	ASSERT_OK(rollout_place(MACHINE_ID, "exampleos", "26.3.2_x86_64", 1, &other));
	ASSERT(place != other);
	ASSERT_OK(rollout_place(MACHINE_ID, "otheros", "26.3.1_x86_64", 1, &other));
	ASSERT(place != other);
	ASSERT_OK(rollout_place(MACHINE_ID, "exampleos", "26.3.1_x86_64", 11, &other));
	ASSERT(place != other);
}

TEST(the_ramp_climbs_with_the_hours)
{
	RolloutStep steps[] = {{1, 5}, {24, 50}, {72, 90}};
	Rollout rollout = {.start = 1000000, .ramp = {steps, ARRAY_SIZE(steps)}}, plain = {};

	ASSERT_EQ(rollout_percent(NULL, 0), 100);
	ASSERT_EQ(rollout_percent(&plain, 0), 100);
	plain.start = 1;
	ASSERT_EQ(rollout_percent(&plain, 0), 0);
	ASSERT_EQ(rollout_percent(&rollout, 999999), 0);
	ASSERT_EQ(rollout_percent(&rollout, 1000000), 0);
	ASSERT_EQ(rollout_percent(&rollout, 1000000 + 3599), 0);
	ASSERT_EQ(rollout_percent(&rollout, 1000000 + 3600), 5);
	ASSERT_EQ(rollout_percent(&rollout, 1000000 + 86399), 5);
	ASSERT_EQ(rollout_percent(&rollout, 1000000 + 86400), 50);
	ASSERT_EQ(rollout_percent(&rollout, INT64_MAX / 2), 90);
	rollout.hold = true;
	ASSERT_EQ(rollout_percent(&rollout, INT64_MAX / 2), 0);
}

static Rollout climbing(int64_t start)
{
	static RolloutStep steps[] = {{0, 1}, {24, 10}, {72, 100}};

	return (Rollout){.start = start, .ramp = {steps, ARRAY_SIZE(steps)}};
}

TEST(a_hold_stops_the_clock_of_a_ramp)
{
	const int64_t start = 1000000, hour = 3600, held = start + 25 * hour;
	Rollout rollout = climbing(start);

	rollout.hold = true;
	rollout_resume(&rollout, held, held + 100 * hour);
	ASSERT(!rollout.hold);
	ASSERT_EQ(rollout.start, start + 100 * hour);
	ASSERT_EQ(rollout_percent(&rollout, held + 100 * hour), 10);
	ASSERT_EQ(rollout_percent(&rollout, held + 147 * hour - 1), 10);
	ASSERT_EQ(rollout_percent(&rollout, held + 147 * hour), 100);
}

TEST(a_hold_before_the_start_delays_it_only_as_far_as_it_reaches)
{
	const int64_t start = 1000000;
	Rollout early = climbing(start), late = climbing(start), back = climbing(start);

	rollout_resume(&early, start - 500, start - 100);
	ASSERT_EQ(early.start, start);
	rollout_resume(&late, start - 500, start + 300);
	ASSERT_EQ(late.start, start + 300);
	/* a vendor's clock that was set back must not open anything early */
	rollout_resume(&back, start + 500, start + 300);
	ASSERT_EQ(back.start, start);
}

TEST(who_was_let_in_before_a_hold_is_in_after_it)
{
	const int64_t start = 1000000, hour = 3600;

	for (int64_t held = start - 2 * hour; held < start + 80 * hour; held += hour / 2)
		for (int64_t length = 0; length < 200 * hour; length += 7 * hour) {
			Rollout before = climbing(start), after = climbing(start);

			after.hold = true;
			rollout_resume(&after, held, held + length);
			if (held >= start)
				ASSERT_EQ(rollout_percent(&after, held + length),
					rollout_percent(&before, held));
			else
				ASSERT(rollout_percent(&after, held + length) <= 1);
		}
}

TEST(a_complete_roll_out_is_for_everybody)
{
	Rollout rollout = climbing(1000000);

	rollout.ramp.items = memory_copy(rollout.ramp.items, 3 * sizeof(RolloutStep));
	ASSERT(rollout.ramp.items);
	rollout_complete(&rollout, 999000);
	ASSERT_EQ(rollout.ramp.count, 0);
	ASSERT_EQ(rollout_percent(&rollout, 999000), 100);
}
