/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/number.h"

#define LIMIT 60

void number_init(NumberModel *model, const MixerTables *tables)
{
	model->tables = tables;
	counters_init(&model->lengths[0][0], NUMBER_CONTEXTS * 64);
	counters_init(&model->bits[0][0], (NUMBER_BITS_MAX + 1) << NUMBER_LEARNT);
}

static unsigned bit_length(uint64_t number)
{
	unsigned length = 0;

	for (; number > 0; number >>= 1)
		length++;
	return length;
}

static unsigned code_length(NumberModel *model, Coder *coder, size_t context, unsigned length)
{
	unsigned node = 1;

	for (int i = 5; i >= 0; i--)
		node = node << 1 |
			counter_code(&model->lengths[context][node], model->tables, LIMIT, coder,
				length >> i & 1);
	node -= 64;
	return node > NUMBER_BITS_MAX ? NUMBER_BITS_MAX : node;
}

uint64_t number_code(NumberModel *model, Coder *coder, size_t context, uint64_t number)
{
	unsigned length = code_length(model, coder, context, bit_length(number)), node = 1;
	uint64_t value = length > 0;

	for (unsigned left = length > 0 ? length - 1 : 0; left > 0; left--) {
		unsigned bit = number >> (left - 1) & 1;

		if (node < 1 << NUMBER_LEARNT) {
			bit = counter_code(
				&model->bits[length][node], model->tables, LIMIT, coder, bit);
			node = node << 1 | bit;
		} else {
			bit = coder_bit(coder, CODER_HALF, bit);
		}
		value = value << 1 | bit;
	}
	return value;
}
