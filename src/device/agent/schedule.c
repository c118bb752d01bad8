/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/schedule.h"

#include <fcntl.h>

#include "base/backoff.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"

#define MACHINE_ID     "etc/machine-id"
#define MACHINE_ID_MAX 64
#define HASH_START     2166136261u /* FNV-1a of 32 bits: spreads well enough, and is no secret */
#define HASH_PRIME     16777619u

int64_t schedule_slot(int64_t after, int interval, uint32_t seed)
{
	int64_t place = seed % (uint32_t)interval;

	return after - (after - place) % interval + interval;
}

uint32_t schedule_seed(const char *root)
{
	_cleanup_free_ char *path = path_join(root, MACHINE_ID);
	_cleanup_free_ uint8_t *text = NULL;
	uint32_t hash = HASH_START;
	size_t size;

	if (!path || file_read(AT_FDCWD, path, MACHINE_ID_MAX, &text, &size) < 0)
		return 0;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ text[i]) * HASH_PRIME;
	return hash;
}

int schedule_retry(int interval, unsigned failures, uint32_t random)
{
	int first = interval < SCHEDULE_FIRST_SECONDS ? interval : SCHEDULE_FIRST_SECONDS;

	return (int)backoff_delay(failures, (uint64_t)first, (uint64_t)interval, random);
}
