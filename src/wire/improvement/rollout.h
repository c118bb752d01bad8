/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rollout: which devices an improvement is for already. A device's place in the queue is a keyed
 * hash of its machine-id and the improvement, so the percent of a ramp is a true cap that needs no
 * server, nobody who was in falls out when it grows, and no two improvements pick on the same
 * devices first.
 */
#include <stdbool.h>
#include <stdint.h>

#include "wire/improvement/index.h"

/* The device's place, uniform in 0 … 2^64 - 1. 0, or -EIO when the hash fails. */
int rollout_place(const char *machine_id, const char *product, const char *base, uint64_t sequence,
	uint64_t *ret_place);

/* Percent of devices that are let in at `now`. No roll-out or no ramp: 100 from the start on. */
unsigned rollout_percent(const Rollout *rollout, int64_t now);

/* Whether the device at `place` is let in by `percent` (0 lets nobody in, 100 everybody). */
bool rollout_admits(uint64_t place, unsigned percent);

/* What is wrong with a ramp, in words that follow "the"; NULL: nothing. */
const char *rollout_wrong(const Rollout *rollout);

/* Ends a hold that began at `held`. The start moves by as long as the clock stood still, so that
 * the percent is what it was then, and the next step as far away. */
void rollout_resume(Rollout *rollout, int64_t held, int64_t now);

/* Lets everybody in, now. */
void rollout_complete(Rollout *rollout, int64_t now);
