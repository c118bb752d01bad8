/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

#include <sys/random.h>

uint64_t backoff_delay(unsigned failures, uint64_t first, uint64_t max, uint32_t random)
{
	uint64_t delay = first;

	for (unsigned i = 1; i < failures && delay < max; i++)
		delay *= 2;
	if (delay > max)
		delay = max;
	return delay / 2 + random % (delay + 1);
}

uint32_t backoff_random(void)
{
	uint32_t random = 0;

	return getrandom(&random, sizeof(random), 0) == sizeof(random) ? random : 0;
}
