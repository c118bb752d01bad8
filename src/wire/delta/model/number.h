/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Number: unsigned numbers as their count of significant bits, then those bits below the first. The
 * count and the next bits are learnt per context; the low bits of large numbers are plain.
 */
#include "wire/delta/model/mixer.h"

#define NUMBER_BITS_MAX 40 /* sizes end at 2^40 (DELTA_SIZE_MAX) */
#define NUMBER_CONTEXTS 4
#define NUMBER_LEARNT   3 /* bits below the first that are learnt */

typedef struct NumberModel {
	const MixerTables *tables;
	Counter lengths[NUMBER_CONTEXTS][64];
	Counter bits[NUMBER_BITS_MAX + 1][1 << NUMBER_LEARNT];
} NumberModel;

void number_init(NumberModel *model, const MixerTables *tables);

/* A number below 2^NUMBER_BITS_MAX; a decoder may return any such number. context <
 * NUMBER_CONTEXTS. */
uint64_t number_code(NumberModel *model, Coder *coder, size_t context, uint64_t number);
