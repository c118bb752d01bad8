/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/schedule.h"

#include "base/backoff.h"

int schedule_next(int interval, unsigned failures, uint32_t random)
{
	int first = interval < SCHEDULE_FIRST_SECONDS ? interval : SCHEDULE_FIRST_SECONDS;

	if (failures > 0)
		return (int)backoff_delay(failures, (uint64_t)first, (uint64_t)interval, random);
	return interval + (int)(random % (uint32_t)(interval / 3 + 1));
}
