/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Coder: an adaptive binary range coder, the only way in which the bits of a patch are written.
 *
 * The models of this folder describe a stream once, for both sides: they call coder_bit() with the
 * bit they want coded, and go on with the bit it returns. A decoder ignores the argument and
 * returns what the stream says; an encoder (model/encoder.h) writes the argument and returns it.
 *
 * A stream has no end mark. Zeros follow its last byte for ever, and an encoder leaves off trailing
 * zero bytes, so a stream whose every bit is a likely 0 is empty. Byte tables: doc/format/delta.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODER_ONE   65536 /* a probability of 1: 16 bits keep a sure bit below 1/40000 of a bit */
#define CODER_HALF  (CODER_ONE / 2)
#define CODER_FLOOR (UINT32_C(1) << 24) /* a smaller range takes in the next byte */

typedef struct Coder Coder;
struct Coder {
	uint32_t range;
	uint32_t code;
	const uint8_t *next, *end;
	bool padded; /* the last byte is 0, which an encoder would have left off */
	/* Set in an encoder. An indirect call, so that a program which only applies patches holds
	 * no encoder. */
	void (*encode)(Coder *coder, uint32_t one, unsigned bit);
};

/* Decodes `size` bytes at `data`, which stay the caller's. */
void coder_start(Coder *coder, const uint8_t *data, size_t size);

/* True when the stream was written by the rules: every byte was used and the last is not 0. To be
 * asked once, behind the last bit. */
bool coder_ended(const Coder *coder);

static inline bool coder_decodes(const Coder *coder)
{
	return !coder->encode;
}

/* Codes one bit that is 1 with probability one / CODER_ONE, 0 < one < CODER_ONE. */
static inline unsigned coder_bit(Coder *coder, uint32_t one, unsigned bit)
{
	uint32_t zeros;

	if (coder->encode) {
		coder->encode(coder, one, bit);
		return bit;
	}
	zeros = (coder->range >> 16) * (CODER_ONE - one);
	bit = coder->code >= zeros;
	if (bit) {
		coder->code -= zeros;
		coder->range -= zeros;
	} else {
		coder->range = zeros;
	}
	while (coder->range < CODER_FLOOR) {
		coder->range <<= 8;
		coder->code <<= 8;
		if (coder->next < coder->end)
			coder->code |= *coder->next++;
	}
	return bit;
}
