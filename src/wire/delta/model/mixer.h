/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Mixer: the probability of a bit from several contexts, each an adaptive counter, weighed by how
 * well each did before (logistic mixing, after Mahoney's PAQ; every step in integers, no table from
 * floating point at run time). All arithmetic here decides the bytes of the format.
 *
 *     Counter *slots[N] = {…};
 *     bit = mixer_code(&mixer, coder, slots, N, set, bit);
 */
#include <stddef.h>
#include <stdint.h>

#include "wire/delta/model/coder.h"

/* Counter: 22 bits of probability of a 1 above 10 bits of how often it was asked. */
typedef uint32_t Counter;
#define COUNTER_HALF ((Counter)1 << 31)
#define COUNTER_TOP  ((UINT32_C(1) << 22) - 1)
#define COUNT_BITS   10
#define COUNT_MASK   ((UINT32_C(1) << COUNT_BITS) - 1)

/* How often a counter counts before it forgets at a constant rate. */
#define COUNTER_LIMIT 1023

#define MIXER_INPUTS_MAX  16    /* contexts of one bit */
#define MIXER_ONE         65536 /* a weight of 1 */
#define MIXER_WEIGHT_MAX  (16 * MIXER_ONE)
#define MIXER_STRETCH_MAX 3072 /* 12.0 in 1/256: the end of the squash table */
#define MIXER_RATE_MAX    256  /* keeps an error times a stretch within 31 bits */

/* Tables that depend on nothing. Built once per model. */
typedef struct MixerTables {
	int16_t stretch[4096]; /* ln(p / (1 - p)), in 1/256, of (p + ½) / 4096 */
	uint16_t
		squash[2 * MIXER_STRETCH_MAX + 1]; /* 65536 / (1 + e^-x) of x = -12 … 12 in 1/256 */
	uint16_t rates[COUNTER_LIMIT + 1];
} MixerTables;

void mixer_tables_init(MixerTables *tables);

typedef struct Mixer {
	const MixerTables *tables;
	int32_t *weights; /* sets × inputs, 1.0 is MIXER_ONE */
	uint32_t limit;   /* of the counters it updates; at most COUNTER_LIMIT */
	int32_t rate;     /* of learning; at most MIXER_RATE_MAX */
} Mixer;

/* `weights` has room for sets * inputs numbers, all `initial` at first, and stays the caller's. */
void mixer_init(Mixer *mixer, const MixerTables *tables, int32_t *weights, size_t sets,
	size_t inputs, int32_t initial, uint32_t limit, int32_t rate);

void counters_init(Counter *counters, size_t count);

/* Half a byte is coded under a group of counters that share a cache line: [1 … 15] are the nodes of
 * a tree of four bits. */
#define COUNTER_GROUP 16

/* The group, among 2^bits counters, of a context and of `prefix`: 0 for the upper half of a byte,
 * 16 plus the upper half for the lower. Contexts may collide. */
static inline Counter *counter_group(
	Counter *counters, unsigned bits, uint32_t context, uint32_t prefix)
{
	uint32_t hash = (context + prefix * UINT32_C(0x9e3779b1)) * UINT32_C(0x85ebca6b);

	return counters + (size_t)(hash >> (36 - bits)) * COUNTER_GROUP;
}

/* Moves a counter towards a bit. */
static inline void counter_update(
	Counter *counter, const MixerTables *tables, uint32_t limit, unsigned bit)
{
	uint32_t count = *counter & COUNT_MASK, p = *counter >> COUNT_BITS;
	uint64_t rate = tables->rates[count];

	if (bit)
		p += (uint32_t)((COUNTER_TOP - p) * rate >> 16);
	else
		p -= (uint32_t)(p * rate >> 16);
	*counter = p << COUNT_BITS | (count < limit ? count + 1 : count);
}

/* Codes one bit under one counter alone. */
static inline unsigned counter_code(
	Counter *counter, const MixerTables *tables, uint32_t limit, Coder *coder, unsigned bit)
{
	uint32_t one = *counter >> 16; /* below CODER_ONE */

	bit = coder_bit(coder, one > 0 ? one : 1, bit);
	counter_update(counter, tables, limit, bit);
	return bit;
}

static inline int32_t mixer_clamp(int32_t value, int32_t limit)
{
	return value > limit ? limit : value < -limit ? -limit : (int32_t)value;
}

/* Codes one bit under `inputs` counters, weighed by the given set of weights. Inline, with a
 * constant number of inputs: most of the time of applying a patch is spent here. */
static inline unsigned mixer_code(
	Mixer *mixer, Coder *coder, Counter *const *slots, size_t inputs, size_t set, unsigned bit)
{
	const MixerTables *tables = mixer->tables;
	int32_t *weights = mixer->weights + set * inputs;
	int32_t stretched[MIXER_INPUTS_MAX], one, error;
	int32_t sum = 0;

	for (size_t i = 0; i < inputs; i++) {
		stretched[i] = tables->stretch[*slots[i] >> 20];
		sum += stretched[i] * (weights[i] / 64);
	}
	one = tables->squash[mixer_clamp(sum / (MIXER_ONE / 64), MIXER_STRETCH_MAX) +
		MIXER_STRETCH_MAX];
	bit = coder_bit(coder, (uint32_t)one, bit);
	error = ((bit ? CODER_ONE : 0) - one) * mixer->rate / 64;
	for (size_t i = 0; i < inputs; i++) {
		weights[i] =
			mixer_clamp(weights[i] + stretched[i] * error / 16384, MIXER_WEIGHT_MAX);
		counter_update(slots[i], tables, mixer->limit, bit);
	}
	return bit;
}

/* The same under two sets, chosen by different things: their weights add up, and both learn. */
static inline unsigned mixer_code_twice(Mixer *mixer, Coder *coder, Counter *const *slots,
	size_t inputs, size_t set, size_t other, unsigned bit)
{
	const MixerTables *tables = mixer->tables;
	int32_t *weights = mixer->weights + set * inputs;
	int32_t *others = mixer->weights + other * inputs;
	int32_t stretched[MIXER_INPUTS_MAX], one, error;
	int32_t sum = 0;

	for (size_t i = 0; i < inputs; i++) {
		stretched[i] = tables->stretch[*slots[i] >> 20];
		sum += stretched[i] * ((weights[i] + others[i]) / 64);
	}
	one = tables->squash[mixer_clamp(sum / (MIXER_ONE / 64), MIXER_STRETCH_MAX) +
		MIXER_STRETCH_MAX];
	bit = coder_bit(coder, (uint32_t)one, bit);
	error = ((bit ? CODER_ONE : 0) - one) * mixer->rate / 64;
	for (size_t i = 0; i < inputs; i++) {
		int32_t step = stretched[i] * error / 16384;

		weights[i] = mixer_clamp(weights[i] + step, MIXER_WEIGHT_MAX);
		others[i] = mixer_clamp(others[i] + step, MIXER_WEIGHT_MAX);
		counter_update(slots[i], tables, mixer->limit, bit);
	}
	return bit;
}
