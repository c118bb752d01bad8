/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/encoder.h"

#define LOW_MASK UINT64_C(0xffffffff)

/* Moves the top byte of `low` out, after adding a carry to what is already out. A carry never runs
 * past the first byte: low + range stays below 2^32 times the bytes out. */
static void shift_out(Encoder *encoder)
{
	Buffer *bytes = &encoder->bytes;
	uint8_t top;

	if (encoder->error < 0)
		return;
	if (encoder->low > LOW_MASK)
		for (size_t i = bytes->size; i > 0 && ++bytes->data[i - 1] == 0;)
			i--;
	encoder->low &= LOW_MASK;
	top = (uint8_t)(encoder->low >> 24);
	encoder->error = buffer_append(bytes, &top, 1);
	encoder->low = encoder->low << 8 & LOW_MASK;
}

static void encode(Coder *coder, uint32_t one, unsigned bit)
{
	Encoder *encoder = (Encoder *)coder; /* its first member */
	uint32_t zeros = (coder->range >> 16) * (CODER_ONE - one);

	if (bit) {
		encoder->low += zeros;
		coder->range -= zeros;
	} else {
		coder->range = zeros;
	}
	while (coder->range < CODER_FLOOR) {
		coder->range <<= 8;
		shift_out(encoder);
	}
}

void encoder_start(Encoder *encoder)
{
	encoder->bytes.size = 0;
	encoder->low = 0;
	encoder->error = 0;
	encoder->coder = (Coder){.range = UINT32_MAX, .encode = encode};
}

/* Every value in [low, low + range) decodes alike; take the one with the most trailing zeros. */
static uint64_t shortest_value(uint64_t low, uint32_t range)
{
	for (unsigned zeros = 32; zeros > 0; zeros--) {
		uint64_t mask = (UINT64_C(1) << zeros) - 1, value = (low + mask) & ~mask;

		if (value - low < range)
			return value;
	}
	return low;
}

int encoder_finish(Encoder *encoder)
{
	encoder->low = shortest_value(encoder->low, encoder->coder.range);
	for (int i = 0; i < 4; i++)
		shift_out(encoder);
	while (encoder->bytes.size > 0 && encoder->bytes.data[encoder->bytes.size - 1] == 0)
		encoder->bytes.size--;
	return encoder->error;
}

void encoder_done(Encoder *encoder)
{
	buffer_done(&encoder->bytes);
}
