/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Backoff: how long to wait before the next try of something that failed. */
#include <stdint.h>

/* After the n-th failure in a row (1 = the first): `first` doubled n-1 times, at most `max`, and of
 * that a half to three halves, as `random` (all 32 bits) says, so that many who failed together do
 * not come back together. Any unit; first <= max < 2^32. */
uint64_t backoff_delay(unsigned failures, uint64_t first, uint64_t max, uint32_t random);

/* Not for secrets. 0 where the kernel gives none, which no caller need treat apart. */
uint32_t backoff_random(void);
