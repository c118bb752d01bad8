/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/literal.h"

#include <string.h>

#include "base/memory.h"

#define GROUP_BITS   17 /* per context: 512 KiB */
#define GROUPS       ((size_t)1 << GROUP_BITS)
#define HISTORY_BITS 17 /* literals that a repetition can reach back to */
#define HISTORY      ((uint32_t)1 << HISTORY_BITS)
#define HEAD_BITS    15
#define MATCH_MIN    5 /* bytes that must agree before a repetition is believed */
#define MATCH_LONG   31
#define MATCH_SETS   (MATCH_LONG + 1)
#define HASHED       6
#define BESIDE       5 /* which of them has the old byte */
#define BELIEFS      4
#define MORE_BITS    17 /* counters of each context of the caller's */
#define MORE_INPUTS  (LITERAL_INPUTS + LITERAL_MORE)
#define MORE_INITIAL (MIXER_ONE * 9 / 100)
#define SETS         (8 * BELIEFS)
#define MORE_SETS                                                                                  \
	(SETS + 8 * LITERAL_SETS) /* by depth and belief, and by depth and the caller's            \
				   */
#define LIMIT   60
#define RATE    30
#define INITIAL (MIXER_ONE * 3 / 10)
#define PRIME   UINT32_C(0x9e3779b1)

struct LiteralModel {
	const MixerTables *tables;
	Mixer mixer, more_mixer; /* without hints, and with them */
	int32_t weights[SETS * LITERAL_INPUTS];
	int32_t more_weights[MORE_SETS * MORE_INPUTS];
	uint64_t recent; /* the last eight bytes, the latest lowest */
	uint32_t size;   /* bytes ever put into the history */
	uint32_t match;  /* where in the history the predicted byte stands */
	uint32_t length; /* bytes that agreed, up to MATCH_LONG */
	Counter groups[HASHED][GROUPS];
	Counter more[LITERAL_MORE][(size_t)1 << MORE_BITS];
	Counter order0[256];
	Counter repeats[MATCH_SETS * 2 * 8];
	uint8_t history[HISTORY];
	uint32_t heads[1 << HEAD_BITS];
};

LiteralModel *literal_model_new(const MixerTables *tables)
{
	LiteralModel *model = memory_new(sizeof(*model));

	if (!model)
		return NULL;
	model->tables = tables;
	mixer_init(
		&model->mixer, tables, model->weights, SETS, LITERAL_INPUTS, INITIAL, LIMIT, RATE);
	mixer_init(&model->more_mixer, tables, model->more_weights, MORE_SETS, MORE_INPUTS,
		MORE_INITIAL, LIMIT, RATE);
	counters_init(&model->more[0][0], (size_t)LITERAL_MORE << MORE_BITS);
	counters_init(&model->groups[0][0], HASHED * GROUPS);
	counters_init(model->order0, ARRAY_SIZE(model->order0));
	counters_init(model->repeats, ARRAY_SIZE(model->repeats));
	return model;
}

LiteralModel *literal_model_free(LiteralModel *model)
{
	memory_free(model);
	return NULL;
}

static uint32_t hash_recent(const LiteralModel *model, unsigned bytes)
{
	uint64_t kept = model->recent & ((UINT64_C(1) << 8 * bytes) - 1);
	uint64_t folded = (kept + bytes) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(folded >> 32);
}

static void put(LiteralModel *model, uint8_t byte)
{
	model->history[model->size % HISTORY] = byte;
	model->size++;
	model->recent = model->recent << 8 | byte;
}

/* Finds where the last MATCH_MIN bytes stood before. */
static void look_up(LiteralModel *model)
{
	uint32_t *head = &model->heads[hash_recent(model, MATCH_MIN) >> (32 - HEAD_BITS)];
	uint32_t length = 0, at = *head;

	*head = model->size;
	if (model->length > 0)
		return;
	while (length < MATCH_LONG && length < at && model->size - at + length < HISTORY &&
		model->history[(at - 1 - length) % HISTORY] ==
			model->history[(model->size - 1 - length) % HISTORY])
		length++;
	model->length = length >= MATCH_MIN ? length : 0;
	model->match = at;
}

void literal_model_follow(LiteralModel *model, const uint8_t *bytes, size_t size)
{
	size_t kept = size < 8 ? size : 8;

	model->length = 0;
	for (size_t i = size - kept; i < size; i++)
		put(model, bytes[i]);
	look_up(model);
}

static void advance(LiteralModel *model, uint8_t byte)
{
	if (model->length > 0 && model->history[model->match % HISTORY] == byte) {
		model->length += model->length < MATCH_LONG;
		model->match++;
	} else {
		model->length = 0;
	}
	put(model, byte);
	if (model->length > 0 && model->size - model->match >= HISTORY)
		model->length = 0;
	look_up(model);
}

static void hash_contexts(const LiteralModel *model, uint8_t old, uint32_t *contexts)
{
	static const uint8_t orders[] = {1, 2, 3, 4, 6};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		contexts[i] = hash_recent(model, orders[i]);
	contexts[BESIDE] = (old * 256 + (uint32_t)(model->recent & 255) + 1) * PRIME;
}

/* The counter that says whether the repetition's next bit comes true; NULL: there is none. */
static Counter *repeat_slot(LiteralModel *model, unsigned node, unsigned depth)
{
	unsigned expected = model->history[model->match % HISTORY] | 256;

	if (model->length == 0 || expected >> (8 - depth) != node)
		return NULL;
	return &model->repeats[(model->length * 2 + (expected >> (7 - depth) & 1)) * 8 + depth];
}

/* Weights are chosen by how long the repetition already is. */
static size_t belief(const LiteralModel *model, const Counter *repeat)
{
	return repeat ? 1 + (model->length > 15) + (model->length == MATCH_LONG) : 0;
}

/* The groups of counters for half of a byte. Returns their number. */
static size_t find_groups(LiteralModel *model, const uint32_t *contexts, const LiteralHints *hints,
	unsigned node, Counter **groups)
{
	uint32_t prefix = node > 1 ? node : 0;
	size_t count = 0;

	for (size_t i = 0; i < HASHED; i++)
		groups[count++] = counter_group(model->groups[i], GROUP_BITS, contexts[i], prefix);
	for (size_t i = 0; hints && i < LITERAL_MORE; i++)
		groups[count++] =
			counter_group(model->more[i], MORE_BITS, hints->contexts[i], prefix);
	return count;
}

/* Codes half of the byte; node: what of it is known, below a leading 1. Returns the next node. */
static unsigned code_half(LiteralModel *model, Coder *coder, const uint32_t *contexts,
	const LiteralHints *hints, unsigned node, uint8_t byte)
{
	Counter *groups[MORE_INPUTS], *slots[MORE_INPUTS];
	unsigned first = node > 1 ? 4 : 0, inner = 1;
	size_t count = find_groups(model, contexts, hints, node, groups);

	for (unsigned depth = first; depth < first + 4; depth++) {
		Counter *repeat = repeat_slot(model, node, depth);
		size_t set = depth * BELIEFS + belief(model, repeat);
		unsigned bit = byte >> (7 - depth) & 1;

		for (size_t i = 0; i < count; i++)
			slots[i] = groups[i] + inner;
		slots[count] = &model->order0[node];
		slots[count + 1] = repeat ? repeat : &model->repeats[depth];
		if (hints)
			bit = mixer_code_twice(&model->more_mixer, coder, slots, MORE_INPUTS, set,
				SETS + hints->set * 8 + depth, bit);
		else
			bit = mixer_code(&model->mixer, coder, slots, LITERAL_INPUTS, set, bit);
		node = node << 1 | bit;
		inner = inner << 1 | bit;
	}
	return node;
}

uint8_t literal_code(
	LiteralModel *model, Coder *coder, uint8_t old, const LiteralHints *hints, uint8_t byte)
{
	uint32_t contexts[HASHED];
	unsigned node;

	hash_contexts(model, old, contexts);
	node = code_half(model, coder, contexts, hints, 1, byte);
	node = code_half(model, coder, contexts, hints, node, byte);
	advance(model, (uint8_t)node);
	return (uint8_t)node;
}

static void learn_half(LiteralModel *model, const uint32_t *contexts, const LiteralHints *hints,
	unsigned node, unsigned byte)
{
	Counter *groups[MORE_INPUTS];
	unsigned first = node > 1 ? 4 : 0, inner = 1;
	size_t count = find_groups(model, contexts, hints, node, groups);

	for (unsigned depth = first; depth < first + 4; depth++) {
		unsigned bit = byte >> (7 - depth) & 1;

		for (size_t i = 0; i < count; i++)
			if (i != BESIDE)
				counter_update(&groups[i][inner], model->tables, LIMIT, bit);
		counter_update(&model->order0[node], model->tables, LIMIT, bit);
		node = node << 1 | bit;
		inner = inner << 1 | bit;
	}
}

void literal_learn(LiteralModel *model, const LiteralHints *hints, uint8_t byte)
{
	uint32_t contexts[HASHED];

	model->length = 0;
	hash_contexts(model, 0, contexts);
	learn_half(model, contexts, hints, 1, byte);
	learn_half(model, contexts, hints, 16 | byte >> 4, byte);
	put(model, byte);
	look_up(model);
	model->length = 0;
}
