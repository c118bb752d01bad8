/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/improvement/rollout.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SECONDS_PER_HOUR 3600

/* The machine-id is secret by systemd's convention (machine-id(5)): what is derived from it must be
 * a one-way function. It never leaves the device here, but the rule costs nothing: the id is the
 * key and stands first, the message behind it has a fixed prefix and unambiguous separators. */
int rollout_place(const char *machine_id, const char *product, const char *base, uint64_t sequence,
	uint64_t *ret_place)
{
	_cleanup_buffer_ Buffer message = {};
	uint64_t place = 0;
	Digest digest;
	int r = buffer_printf(&message, "%s\nsuture-rollout\n%s\n%s\n%" PRIu64 "\n", machine_id,
		product, base, sequence);

	if (r == 0)
		r = digest_of(message.data, message.size, &digest);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(place); i++)
		place = place << 8 | digest.bytes[i];
	*ret_place = place;
	return 0;
}

unsigned rollout_percent(const Rollout *rollout, int64_t now)
{
	unsigned percent = 0;

	if (!rollout)
		return 100;
	if (rollout->hold || now < rollout->start)
		return 0;
	if (rollout->ramp.count == 0)
		return 100;
	for (size_t i = 0; i < rollout->ramp.count; i++)
		if (now - rollout->start >=
			(int64_t)rollout->ramp.items[i].hours * SECONDS_PER_HOUR)
			percent = (unsigned)rollout->ramp.items[i].percent;
	return percent;
}

bool rollout_admits(uint64_t place, unsigned percent)
{
	if (percent >= 100)
		return true;
	return place < UINT64_MAX / 100 * percent;
}

const char *rollout_wrong(const Rollout *rollout)
{
	for (size_t i = 1; i < rollout->ramp.count; i++)
		if (rollout->ramp.items[i - 1].hours >= rollout->ramp.items[i].hours ||
			rollout->ramp.items[i - 1].percent > rollout->ramp.items[i].percent)
			return "roll-out ramp does not ascend";
	return NULL;
}

void rollout_resume(Rollout *rollout, int64_t held, int64_t now)
{
	int64_t stood = held > rollout->start ? held : rollout->start;

	rollout->hold = false;
	if (now > stood)
		rollout->start += now - stood;
}

void rollout_complete(Rollout *rollout, int64_t now)
{
	free(rollout->ramp.items);
	rollout->ramp.items = NULL;
	rollout->ramp.count = 0;
	if (rollout->start > now)
		rollout->start = now;
}
