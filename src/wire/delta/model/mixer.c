/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/mixer.h"

#include "base/memory.h"

#define ANCHOR_STEP 128 /* 0.5 */

/* 65536 / (1 + e^-x), rounded, for x = -12, -11.5 … 12; the ends stay off certainty. */
static const uint16_t anchors[] = {1, 1, 1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720,
	1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
	62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523, 65528,
	65531, 65533, 65534, 65535, 65535, 65535};

static void init_squash(MixerTables *tables)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(anchors) - 1; i++)
		for (uint32_t k = 0; k < ANCHOR_STEP; k++)
			tables->squash[i * ANCHOR_STEP + k] =
				(uint16_t)((anchors[i] * (ANCHOR_STEP - k) + anchors[i + 1] * k +
						   ANCHOR_STEP / 2) /
					ANCHOR_STEP);
	tables->squash[2 * MIXER_STRETCH_MAX] = anchors[ARRAY_SIZE(anchors) - 1];
}

/* The inverse of squash: the first x that reaches the middle of each of 4096 steps. */
static void init_stretch(MixerTables *tables)
{
	int32_t x = 0;

	for (int32_t p = 0; p < 4096; p++) {
		while (x < 2 * MIXER_STRETCH_MAX && tables->squash[x] < p * 16 + 8)
			x++;
		tables->stretch[p] = (int16_t)(x - MIXER_STRETCH_MAX);
	}
}

void mixer_tables_init(MixerTables *tables)
{
	init_squash(tables);
	init_stretch(tables);
	for (uint32_t n = 0; n <= COUNTER_LIMIT; n++)
		tables->rates[n] = (uint16_t)(131072 / (2 * n + 3)); /* 65536 / (n + 1.5) */
}

void counters_init(Counter *counters, size_t count)
{
	for (size_t i = 0; i < count; i++)
		counters[i] = COUNTER_HALF;
}

void mixer_init(Mixer *mixer, const MixerTables *tables, int32_t *weights, size_t sets,
	size_t inputs, int32_t initial, uint32_t limit, int32_t rate)
{
	*mixer = (Mixer){.tables = tables, .weights = weights, .limit = limit, .rate = rate};
	for (size_t i = 0; i < sets * inputs; i++)
		weights[i] = initial;
}
