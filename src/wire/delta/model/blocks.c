/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/blocks.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

#define INPUTS     6
#define SLOT_BITS  14 /* counters of each input */
#define LIMIT      127
#define RATE       60
#define INITIAL    (MIXER_ONE / 10)
#define PRIME      UINT32_C(0x9e3779b1)
#define MIXED_BITS 5 /* below the first of a number */

/* What is coded; with the depth of a bit it chooses the weights. */
enum { LITERALS, PLACE, COPY, FORWARD, BACKWARD, REST, FIELDS };
#define DEPTHS 16
/* And what is coded with where the copy before went on, and whether it followed many literals. */
#define SETS   (FIELDS * DEPTHS)
#define OTHERS (FIELDS * PLACES * 2)
#define MANY   3 /* as a bit length */

/* As in control.c. */
enum {
	PLACE_ALIGNED,
	PLACE_INSERTED,
	PLACE_RECENT,
	PLACE_FORWARD = PLACE_RECENT + CONTROL_RECENT,
	PLACE_BACKWARD,
	PLACES,
};

struct BlocksModel {
	const MixerTables *tables;
	Mixer mixer;
	int32_t weights[(SETS + OTHERS) * INPUTS];
	Counter slots[INPUTS][1 << SLOT_BITS];
	/* of the file */
	uint64_t old, target, recent[CONTROL_RECENT];
	uint32_t last_place, place_before, last_literals, last_copy; /* the sizes as bit lengths */
};

BlocksModel *blocks_model_new(const MixerTables *tables)
{
	BlocksModel *model = memory_new(sizeof(*model));

	if (!model)
		return NULL;
	model->tables = tables;
	mixer_init(
		&model->mixer, tables, model->weights, SETS + OTHERS, INPUTS, INITIAL, LIMIT, RATE);
	counters_init(&model->slots[0][0], INPUTS << SLOT_BITS);
	return model;
}

BlocksModel *blocks_model_free(BlocksModel *model)
{
	memory_free(model);
	return NULL;
}

void blocks_restart(BlocksModel *model)
{
	model->old = model->target = 0;
	memset(model->recent, 0, sizeof(model->recent));
	model->last_place = model->place_before = model->last_literals = model->last_copy = 0;
}

uint64_t blocks_old(const BlocksModel *model)
{
	return model->old;
}

static unsigned bit_length(uint64_t number)
{
	unsigned length = 0;

	for (; number > 0; number >>= 1)
		length++;
	return length;
}

static unsigned code_bit(BlocksModel *model, Coder *coder, unsigned field, unsigned depth,
	uint32_t node, const uint32_t *contexts, unsigned bit)
{
	Counter *slots[INPUTS];
	size_t other;

	for (size_t i = 0; i < INPUTS; i++) {
		uint32_t hash = (contexts[i] + (uint32_t)i) * PRIME ^ (node * FIELDS + field);

		hash = (hash ^ hash >> 15) * UINT32_C(0x85ebca6b);
		slots[i] = &model->slots[i][hash >> (32 - SLOT_BITS)];
	}
	other = (field * PLACES + model->last_place) * 2 + (model->last_literals > MANY);
	return mixer_code_twice(
		&model->mixer, coder, slots, INPUTS, field * DEPTHS + depth, SETS + other, bit);
}

/* A number below 2^40 as its bit length, in steps from the shortest, then the bits below the
 * first. */
static uint64_t code_number(
	BlocksModel *model, Coder *coder, unsigned field, const uint32_t *contexts, uint64_t number)
{
	unsigned wanted = bit_length(number), length = 0;
	uint64_t value;

	while (length < NUMBER_BITS_MAX &&
		code_bit(model, coder, field, length < 10 ? length : 10, length, contexts,
			wanted > length))
		length++;
	if (length < 2)
		return length;
	value = 1;
	for (unsigned left = length - 1; left > 0; left--) {
		unsigned bit = number >> (left - 1) & 1, depth = length - 1 - left;

		if (depth < MIXED_BITS)
			bit = code_bit(model, coder, field, 11 + (depth < 4 ? depth : 4),
				64 + length * 64 + (uint32_t)value, contexts, bit);
		else
			bit = coder_bit(coder, CODER_HALF, bit);
		value = value << 1 | bit;
	}
	return value;
}

static uint64_t old_at(const BlocksModel *model, unsigned place, uint64_t literals)
{
	if (place == PLACE_ALIGNED)
		return model->old + literals;
	if (place == PLACE_INSERTED)
		return model->old;
	return model->recent[place - PLACE_RECENT] + model->target + literals;
}

static unsigned choose_place(const BlocksModel *model, const Step *step)
{
	for (unsigned place = 0; place < PLACE_FORWARD; place++)
		if (old_at(model, place, step->literals) == step->old)
			return place;
	return step->old > model->old ? PLACE_FORWARD : PLACE_BACKWARD;
}

static unsigned code_place(
	BlocksModel *model, Coder *coder, const uint32_t *contexts, const Step *step)
{
	unsigned wanted = coder_decodes(coder) ? 0 : choose_place(model, step), place = 0;

	while (place < PLACE_BACKWARD &&
		code_bit(model, coder, PLACE, place, place, contexts, wanted > place))
		place++;
	return place;
}

static void code_old(
	BlocksModel *model, Coder *coder, unsigned place, const uint32_t *contexts, Step *step)
{
	if (place == PLACE_FORWARD)
		step->old = model->old +
			code_number(model, coder, FORWARD, contexts, step->old - model->old);
	else if (place == PLACE_BACKWARD)
		step->old = model->old -
			code_number(model, coder, BACKWARD, contexts, model->old - step->old);
	else
		step->old = old_at(model, place, step->literals);
}

static void follow(BlocksModel *model, const Step *step, unsigned place)
{
	uint64_t displacement;

	model->target += step->literals;
	displacement = step->old - model->target;
	if (displacement != model->recent[0]) {
		memmove(&model->recent[1], &model->recent[0],
			(CONTROL_RECENT - 1) * sizeof(model->recent[0]));
		model->recent[0] = displacement;
	}
	model->target += step->copy;
	model->old = step->old + step->copy;
	model->place_before = model->last_place;
	model->last_place = place;
	model->last_copy = bit_length(step->copy);
	model->last_literals = bit_length(step->literals);
}

static uint32_t pack(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return a | b << 8 | c << 16 | d << 24;
}

int blocks_code(BlocksModel *model, Coder *coder, uint64_t left, uint64_t old_size, unsigned role,
	uint32_t bytes, Step *step)
{
	uint32_t run, place;
	uint32_t before[INPUTS] = {
		role,
		pack(role, model->last_copy, 1, 0),
		pack(role, model->last_literals, model->last_place, 2),
		pack(role, bytes & 255, 3, 0),
		pack(bytes & 255, bytes >> 8 & 255, role, 4),
		pack(model->last_place, model->place_before, model->last_copy, 5),
	};

	step->literals = code_number(model, coder, LITERALS, before, step->literals);
	if (step->literals > left)
		return -EBADMSG;
	left -= step->literals;
	if (left == 0) {
		step->copy = 0;
		return 0;
	}
	run = step->literals < 255 ? (uint32_t)step->literals : 255;
	before[1] = pack(role, run, 1, 0);
	before[2] = pack(role, bit_length(run), model->last_place, 2);
	before[3] = pack(bit_length(run), bytes & 255, 3, 0);
	before[4] = pack(model->last_place, model->place_before, model->last_literals, 4);
	before[5] = pack(run, model->last_place, model->last_copy, 5);
	place = code_place(model, coder, before, step);
	before[0] = pack(role, place, 0, 0);
	before[3] = pack(run, place, 3, 0);
	code_old(model, coder, place, before, step);
	before[1] = pack(role, bit_length(run), place, 1);
	before[2] = pack(role, model->last_copy, 2, 0);
	before[3] = pack(model->last_copy, model->last_literals, place, 3);
	before[4] = pack(run, place, role, 4);
	before[5] = pack(place, model->last_place, bit_length(run), 5);
	if (code_bit(model, coder, REST, 0, 0, before, step->copy != left))
		step->copy = 1 + code_number(model, coder, COPY, before, step->copy - 1);
	else
		step->copy = left;
	if (step->copy > left || step->old > old_size || step->copy > old_size - step->old)
		return -EBADMSG;
	follow(model, step, place);
	return 0;
}
