/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/difference.h"

#include <string.h>

#include "base/memory.h"

#define FLAG_BITS    15
#define FLAGS        ((size_t)1 << FLAG_BITS)
#define GROUP_BITS   16
#define GROUPS       ((size_t)1 << GROUP_BITS)
#define BYTE_INPUTS  7
#define BLOCK_INPUTS 4
#define PLACES       4
#define HISTORY      64 /* differences kept, by position; a power of two */
#define MARGIN       8  /* old bytes seen on either side of a block */
#define LIMIT        30
#define FLAG_LIMIT   255
#define RATE         100
#define INITIAL      (MIXER_ONE * 3 / 10)
#define PRIME        UINT32_C(0x9e3779b1)

struct DifferenceModel {
	const MixerTables *tables;
	Mixer byte_mixer, block_mixer;
	int32_t byte_weights[9 * PLACES * BYTE_INPUTS];
	int32_t block_weights[4 * BLOCK_INPUTS];
	Counter pages[16];
	unsigned page_flags; /* of the last pages, the latest lowest */
	uint32_t block_flags;
	uint8_t differences[HISTORY];
	uint32_t at;      /* where in `differences` the next one goes */
	uint8_t field[8]; /* the last run of differing bytes, and the one before */
	uint8_t earlier[8];
	unsigned run; /* differing bytes in the present field */
	unsigned quiet;
	Counter starts[65536]; /* a field starts behind these two old bytes */
	Counter block_slots[BLOCK_INPUTS][FLAGS];
	Counter flags[BYTE_INPUTS][FLAGS];
	Counter groups[BYTE_INPUTS][GROUPS];
};

DifferenceModel *difference_model_new(const MixerTables *tables)
{
	DifferenceModel *model = memory_new(sizeof(*model));

	if (!model)
		return NULL;
	model->tables = tables;
	mixer_init(&model->byte_mixer, tables, model->byte_weights, 9 * PLACES, BYTE_INPUTS,
		INITIAL, LIMIT, RATE);
	mixer_init(&model->block_mixer, tables, model->block_weights, 4, BLOCK_INPUTS, INITIAL,
		FLAG_LIMIT, RATE);
	counters_init(model->pages, ARRAY_SIZE(model->pages));
	counters_init(model->starts, ARRAY_SIZE(model->starts));
	counters_init(&model->block_slots[0][0], BLOCK_INPUTS * FLAGS);
	counters_init(&model->flags[0][0], BYTE_INPUTS * FLAGS);
	counters_init(&model->groups[0][0], BYTE_INPUTS * GROUPS);
	return model;
}

DifferenceModel *difference_model_free(DifferenceModel *model)
{
	memory_free(model);
	return NULL;
}

void difference_model_restart(DifferenceModel *model)
{
	memset(model->differences, 0, HISTORY);
	model->at = 0;
	model->run = model->quiet = 0;
}

static uint8_t before(const DifferenceModel *model, unsigned distance)
{
	return model->differences[(model->at - distance) % HISTORY];
}

static void remember(DifferenceModel *model, uint8_t difference)
{
	model->differences[model->at++ % HISTORY] = difference;
	if (difference == 0) {
		model->quiet++;
		if (model->quiet == 2)
			model->run = 0;
		if (model->run > 0)
			model->run++;
		return;
	}
	model->quiet = 0;
	if (model->run == 0) {
		memcpy(model->earlier, model->field, 8);
		memset(model->field, 0, 8);
	}
	if (model->run < 8)
		model->field[model->run] = difference;
	model->run++;
}

void difference_skip(DifferenceModel *model, uint64_t count)
{
	uint64_t kept = count < HISTORY ? count : HISTORY;

	for (uint64_t i = 0; i < kept; i++)
		model->differences[(model->at + i) % HISTORY] = 0;
	model->at += (uint32_t)count;
	model->run = 0;
	model->quiet += 2;
}

static uint32_t hash2(uint32_t a, uint32_t b)
{
	return (a * PRIME ^ b) * UINT32_C(0x85ebca6b);
}

static uint32_t bytes4(uint32_t lowest, uint32_t second, uint32_t third, uint32_t highest)
{
	return lowest | second << 8 | third << 16 | highest << 24;
}

/* Contexts of the difference at old[0], `position` bytes into the old file. The format's document
 * lists them in this order, with what each is good for. */
static void hash_contexts(
	const DifferenceModel *model, const uint8_t *old, size_t position, uint32_t *contexts)
{
	uint32_t d1 = before(model, 1), run = model->run < 8 ? model->run : 7;
	uint32_t field = model->field[run], lane = position & 3;

	contexts[0] = hash2(bytes4(d1, old[-1], old[-2], 0), 1 + run);
	contexts[1] = hash2(bytes4(old[1], old[2], field, run), bytes4(d1, 7, 0, 0));
	contexts[2] = hash2(bytes4(d1, field, run, 0), bytes4(model->earlier[run], 3, 0, 0));
	contexts[3] = hash2(
		bytes4(before(model, 8), before(model, 4), run, 0), bytes4(position & 7, d1, 0, 0));
	contexts[4] = hash2(bytes4(0, old[-3], old[-2], old[-1]), bytes4(d1, run, 1, 0));
	contexts[5] = hash2(bytes4(d1, old[0], old[-1], run), before(model, 2));
	contexts[6] = hash2(bytes4(old[3 - lane], lane, d1, 0), bytes4(run, 128, 0, 0));
}

/* How the present byte stands to the field of differing bytes before it: chooses the weights. */
static size_t place_in_field(const DifferenceModel *model)
{
	if (model->run == 0)
		return 0;
	return model->quiet > 0 ? 1 : model->run < 3 ? 2 : 3;
}

static unsigned code_nonzero(DifferenceModel *model, Coder *coder, const uint32_t *contexts,
	size_t place, unsigned nonzero)
{
	Counter *slots[BYTE_INPUTS];

	for (size_t i = 0; i < BYTE_INPUTS; i++)
		slots[i] = &model->flags[i][contexts[i] >> (32 - FLAG_BITS)];
	return mixer_code(&model->byte_mixer, coder, slots, BYTE_INPUTS, place, nonzero);
}

static unsigned code_half(DifferenceModel *model, Coder *coder, const uint32_t *contexts,
	unsigned prefix, size_t place, unsigned half)
{
	Counter *groups[BYTE_INPUTS], *slots[BYTE_INPUTS];
	unsigned node = 1;
	size_t set = PLACES * (prefix > 0 ? 5 : 1) + place;

	for (size_t i = 0; i < BYTE_INPUTS; i++)
		groups[i] = counter_group(model->groups[i], GROUP_BITS, contexts[i], prefix);
	for (int bit = 3; bit >= 0; bit--, set += PLACES) {
		for (size_t i = 0; i < BYTE_INPUTS; i++)
			slots[i] = groups[i] + node;
		node = node << 1 |
			mixer_code(&model->byte_mixer, coder, slots, BYTE_INPUTS, set,
				half >> bit & 1);
	}
	return node;
}

/* A difference is a flag, then, if it is not 0, two halves of a byte. */
static uint8_t code_byte(DifferenceModel *model, Coder *coder, const uint8_t *old, size_t position,
	uint8_t difference)
{
	uint32_t contexts[BYTE_INPUTS];
	size_t place = place_in_field(model);
	unsigned upper;

	hash_contexts(model, old, position, contexts);
	if (!code_nonzero(model, coder, contexts, place, difference != 0))
		return 0;
	upper = code_half(model, coder, contexts, 0, place, difference >> 4);
	return (uint8_t)((upper & 15) << 4 |
		(code_half(model, coder, contexts, upper, place, difference & 15) & 15));
}

static Counter *start_slot(DifferenceModel *model, const uint8_t *old)
{
	return &model->starts[old[-1] | (uint32_t)old[-2] << 8];
}

/* How likely the likeliest byte of the block starts a field, on a scale of 40. */
static unsigned likeliest_start(DifferenceModel *model, const uint8_t *old, size_t size)
{
	Counter best = 0;

	for (size_t i = 0; i < size; i++) {
		Counter start = *start_slot(model, old + i);

		best = start > best ? start : best;
	}
	return (unsigned)(model->tables->stretch[best >> 20] + 3072) / 160;
}

static unsigned code_block_flag(DifferenceModel *model, Coder *coder, const uint8_t *old,
	size_t size, size_t position, unsigned differs)
{
	uint32_t flags = model->block_flags, start = likeliest_start(model, old, size);
	uint32_t contexts[BLOCK_INPUTS] = {hash2(flags & 0xfff, 1),
		hash2(start | (flags & 15) << 8, 2),
		hash2((uint32_t)__builtin_popcount(flags) << 8 | start, 3),
		hash2((flags & 7) | (uint32_t)size << 8 | (uint32_t)(position & 48) << 16, 4)};
	Counter *slots[BLOCK_INPUTS];

	for (size_t i = 0; i < BLOCK_INPUTS; i++)
		slots[i] = &model->block_slots[i][contexts[i] >> (32 - FLAG_BITS)];
	differs = mixer_code(&model->block_mixer, coder, slots, BLOCK_INPUTS, flags & 3, differs);
	model->block_flags = flags << 1 | differs;
	return differs;
}

/* Asks for the counters that the block's bytes need as long as nothing differs: without this, most
 * of the time is spent waiting for them. */
static void prefetch(const DifferenceModel *model, const uint8_t *old, size_t position, size_t size)
{
	uint32_t contexts[BYTE_INPUTS];

	for (size_t i = 0; i < size; i++) {
		hash_contexts(model, old + i, position + i, contexts);
		for (size_t k = 0; k < BYTE_INPUTS; k++)
			__builtin_prefetch(&model->flags[k][contexts[k] >> (32 - FLAG_BITS)], 1);
	}
}

static void code_bytes(DifferenceModel *model, Coder *coder, const uint8_t *old, size_t position,
	size_t size, uint8_t *target)
{
	prefetch(model, old, position, size);
	for (size_t i = 0; i < size; i++) {
		unsigned inside = model->run > 0;
		uint8_t difference = code_byte(
			model, coder, old + i, position + i, (uint8_t)(target[i] - old[i]));

		target[i] = (uint8_t)(old[i] + difference);
		if (!inside)
			counter_update(
				start_slot(model, old + i), model->tables, LIMIT, difference != 0);
		remember(model, difference);
	}
}

static void code_block(DifferenceModel *model, Coder *coder, const DeltaBytes *file, size_t offset,
	size_t size, uint8_t *target)
{
	uint8_t around[MARGIN + DIFFERENCE_BLOCK + MARGIN] = {};
	const uint8_t *old = around + MARGIN;
	size_t left = offset < MARGIN ? offset : MARGIN;
	size_t right = file->size - offset < size + MARGIN ? file->size - offset : size + MARGIN;

	memcpy(around + MARGIN - left, file->data + offset - left, left + right);
	if (code_block_flag(model, coder, old, size, offset, memcmp(target, old, size) != 0)) {
		code_bytes(model, coder, old, offset, size, target);
		return;
	}
	for (size_t i = 0; i < size; i++)
		counter_update(start_slot(model, old + i), model->tables, LIMIT, 0);
	difference_skip(model, size);
}

void difference_code(DifferenceModel *model, Coder *coder, const DeltaBytes *old, size_t offset,
	size_t size, uint8_t *target)
{
	unsigned differs = memcmp(target, old->data + offset, size) != 0;

	differs = counter_code(
		&model->pages[model->page_flags & 15], model->tables, FLAG_LIMIT, coder, differs);
	model->page_flags = model->page_flags << 1 | differs;
	if (!differs) {
		difference_skip(model, size);
		return;
	}
	for (size_t done = 0; done < size;) {
		size_t piece = DIFFERENCE_BLOCK - (offset + done) % DIFFERENCE_BLOCK;

		piece = piece < size - done ? piece : size - done;
		code_block(model, coder, old, offset + done, piece, target + done);
		done += piece;
	}
}
