/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/schedule.h"
#include "test.h"

#define INTERVAL 21600

static void check_between(int interval, unsigned failures, int least, int most)
{
	int lowest = INT32_MAX, highest = 0;

	for (uint32_t random = 0; random < 100000; random++) {
		int seconds = schedule_retry(interval, failures, random);

		lowest = seconds < lowest ? seconds : lowest;
		highest = seconds > highest ? seconds : highest;
	}
	ASSERT_EQ(lowest, least);
	ASSERT_EQ(highest, most);
}

/* The next one, never now, and never further than an interval. */
TEST(every_machine_has_its_place_in_the_interval)
{
	for (uint32_t seed = 0; seed < 100000; seed += 7) {
		int64_t slot = schedule_slot(1700000000, INTERVAL, seed);

		ASSERT(slot > 1700000000 && slot <= 1700000000 + INTERVAL);
		ASSERT_EQ(slot % INTERVAL, seed % INTERVAL);
		ASSERT_EQ(schedule_slot(slot, INTERVAL, seed), slot + INTERVAL);
		ASSERT_EQ(schedule_slot(slot - 1, INTERVAL, seed), slot);
	}
	ASSERT_EQ(schedule_slot(1700000000, 1, 12345), 1700000001);
}

TEST(after_failures_the_pause_grows_from_a_minute_to_the_interval)
{
	check_between(INTERVAL, 1, 30, 90);
	check_between(INTERVAL, 2, 60, 180);
	check_between(INTERVAL, 5, 480, 1440);
	check_between(INTERVAL, 10, INTERVAL / 2, INTERVAL + INTERVAL / 2);
	check_between(INTERVAL, UINT32_MAX, INTERVAL / 2, INTERVAL + INTERVAL / 2);
}

TEST(a_short_interval_is_never_made_longer_than_by_half)
{
	check_between(10, 1, 5, 15);
	check_between(10, 9, 5, 15);
	check_between(1, 3, 0, 1);
}
