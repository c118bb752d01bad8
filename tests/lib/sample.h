/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sample: old and new bytes for tests and vectors of deltas, from a tiny generator that never
 * changes: a table of addresses that move, text, a cut and an insertion. */
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_MAX 8192

typedef struct Sample {
	uint8_t old[SAMPLE_MAX], new[SAMPLE_MAX];
	size_t old_size, new_size;
} Sample;

static inline uint32_t sample_random(uint32_t *state)
{
	*state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
	return *state >> 16;
}

/* `size` old bytes, at most SAMPLE_MAX - 100. */
static inline void sample_make(Sample *sample, uint32_t seed, size_t size)
{
	size_t cut = size / 3, inserted = size > 1000 ? 61 : 0;

	for (size_t i = 0; i < size; i++) {
		uint32_t random = sample_random(&seed);

		sample->old[i] = (uint8_t)(i % 8 < 5 && i < size / 2 ? i / 256 : random);
	}
	sample->old_size = size;
	sample->new_size = size + inserted;
	for (size_t i = 0; i < sample->new_size; i++) {
		size_t from = i < cut ? i : i < cut + inserted ? 0 : i - inserted;

		sample->new[i] = sample->old[from];
		if (i >= cut && i < cut + inserted)
			sample->new[i] = (uint8_t) "a line that was not there before; "[i % 34];
		else if (from % 48 == 7)
			sample->new[i] = (uint8_t)(sample->old[from] + 16);
	}
}
