/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/schedule.h"
#include "test.h"

#define INTERVAL 21600

static void check_between(int interval, unsigned failures, int least, int most)
{
	int lowest = INT32_MAX, highest = 0;

	for (uint32_t random = 0; random < 100000; random++) {
		int seconds = schedule_next(interval, failures, random);

		lowest = seconds < lowest ? seconds : lowest;
		highest = seconds > highest ? seconds : highest;
	}
	ASSERT_EQ(lowest, least);
	ASSERT_EQ(highest, most);
}

TEST(good_rounds_come_at_the_interval_and_up_to_a_third_later)
{
	check_between(INTERVAL, 0, INTERVAL, INTERVAL + INTERVAL / 3);
	check_between(1, 0, 1, 1);
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
