/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/residual.h"

#include <string.h>

#include "wire/delta/model/zigzag.h"

#define FLAG_BITS   15 /* counters per context of "is it wrong" */
#define VALUE_BITS  16 /* and of a byte's change */
#define FLAGS       11
#define VALUES      10
#define FLAG_LIMIT  250
#define VALUE_LIMIT 60
#define PAGE_LIMIT  120
#define FLAG_RATE   70
#define VALUE_RATE  100
#define INITIAL     (MIXER_ONE / 10)
#define RECENT      4
#define PRIME       UINT32_C(0x9e3779b1)
#define LINE        32

/* Weights of a flag: by the kind of unit, bytes of code by what they are for, each at four
 * distances from the last event; and by the role and the distance from the block's start. */
#define PARTS       8
#define FLAG_KINDS  (_UNIT_MAX + PARTS)
#define FLAG_SETS   (FLAG_KINDS * 4)
#define FLAG_OTHERS (32 * 8)
#define EDGE_FAR    7
/* Of a byte's change: by the number of the bit, and whether it is near another; and by what it is
 * for. */
#define VALUE_SETS   (9 * 3)
#define VALUE_OTHERS (PARTS * 8)

_Static_assert(_ELF_ROLE_MAX <= 32, "a role has five bits");

struct ResidualModel {
	const MixerTables *tables;
	Mixer flag_mixer, value_mixer;
	int32_t flag_weights[(FLAG_SETS + FLAG_OTHERS) * FLAGS];
	int32_t value_weights[(VALUE_SETS + VALUE_OTHERS) * VALUES];
	Counter flags[FLAGS][1 << FLAG_BITS];
	Counter values[VALUES][1 << VALUE_BITS];
	Counter pages[64], lines[256];
	Counter again[_UNIT_MAX][RECENT + 1];
	NumberModel numbers[3];
	/* of the file */
	uint32_t page_history, history;
	uint32_t since;                     /* bytes since the last event */
	uint8_t change, change_before;      /* of the last two bytes that were wrong */
	uint8_t opcode;                     /* the old byte before the last wrong one */
	uint64_t recent[_UNIT_MAX][RECENT]; /* changes of each kind of unit */
};

ResidualModel *residual_model_new(const MixerTables *tables)
{
	ResidualModel *model = memory_new(sizeof(*model));

	if (!model)
		return NULL;
	model->tables = tables;
	mixer_init(&model->flag_mixer, tables, model->flag_weights, FLAG_SETS + FLAG_OTHERS, FLAGS,
		INITIAL, FLAG_LIMIT, FLAG_RATE);
	mixer_init(&model->value_mixer, tables, model->value_weights, VALUE_SETS + VALUE_OTHERS,
		VALUES, INITIAL, VALUE_LIMIT, VALUE_RATE);
	counters_init(&model->flags[0][0], FLAGS << FLAG_BITS);
	counters_init(&model->values[0][0], VALUES << VALUE_BITS);
	counters_init(model->pages, ARRAY_SIZE(model->pages));
	counters_init(model->lines, ARRAY_SIZE(model->lines));
	counters_init(&model->again[0][0], _UNIT_MAX * (RECENT + 1));
	for (size_t i = 0; i < ARRAY_SIZE(model->numbers); i++)
		number_init(&model->numbers[i], tables);
	residual_restart(model);
	return model;
}

ResidualModel *residual_model_free(ResidualModel *model)
{
	memory_free(model);
	return NULL;
}

void residual_restart(ResidualModel *model)
{
	model->page_history = model->history = 0;
	model->since = 0;
	model->change = model->change_before = model->opcode = 0;
	memset(model->recent, 0, sizeof(model->recent));
}

static uint32_t hash2(uint32_t a, uint32_t b)
{
	return ((a * PRIME) ^ b) * UINT32_C(0x85ebca6b);
}

static uint8_t old_at(const DeltaBytes *old, uint64_t offset)
{
	return offset < old->size ? old->data[offset] : 0;
}

/* The n-th byte before; in A64 code, from the upper end of the instruction. */
static uint32_t before_of(const DeltaBytes *old, const Unit *unit, unsigned n)
{
	uint64_t at = unit->source;

	if (unit->kind >= UNIT_REFERENCE + REFERENCE_JUMP)
		at = at / 4 * 4 + 4;
	return old_at(old, at - n);
}

static uint32_t log_of(uint32_t number)
{
	uint32_t log = 0;

	for (; number > 0; number >>= 1)
		log++;
	return log;
}

static uint32_t place_of(const Unit *unit)
{
	return unit->place.part | (uint32_t)unit->place.opcode << 8;
}

/* `far`: how far the last event is, as a bit length. */
static size_t flag_set(const Unit *unit, uint32_t far)
{
	size_t kind = unit->kind == UNIT_BYTE ? _UNIT_MAX + unit->place.part : unit->kind;

	return kind * 4 + (far >= 4) + (far >= 7) + (far >= 12);
}

static size_t edge_set(const Unit *unit)
{
	uint32_t edge = log_of(unit->edge);

	return unit->role * 8U + (edge < EDGE_FAR ? edge : EDGE_FAR);
}

static unsigned code_flag(
	ResidualModel *model, Coder *coder, const DeltaBytes *old, const Unit *unit, unsigned flag)
{
	uint32_t at = unit->source, kind = unit->kind | (uint32_t)unit->role << 8;
	uint32_t now = old_at(old, at), before = before_of(old, unit, 1);
	uint32_t earlier = before_of(old, unit, 2), far = log_of(model->since);
	uint32_t place = place_of(unit);
	uint32_t contexts[FLAGS] = {
		hash2(kind, 1 + (unit->edge < 8 ? unit->edge : 8) * 16),
		hash2(kind, model->history << 8 | 2),
		hash2(kind, before << 8 | 3),
		hash2(kind, far << 8 | log_of(unit->edge) << 16 | 4),
		hash2(now | before << 8 | earlier << 16, 5 + (unit->kind == UNIT_BYTE)),
		hash2(kind, (now | (uint32_t)model->opcode << 8 | before << 16) << 4 | 7),
		hash2(before | earlier << 8 | before_of(old, unit, 3) << 16,
			8 + (unit->kind == UNIT_BYTE)),
		hash2(now | before << 8 | (uint32_t)old_at(old, (uint64_t)at + 1) << 16,
			10 + (unit->kind == UNIT_BYTE)),
		hash2(now | (model->since < 4 ? model->since : 4) << 8 |
				(uint32_t)model->change << 16,
			12 + kind * 16),
		hash2(place | now << 16, 13 + kind * 16),
		hash2(place | before << 16 | (model->history & 3) << 24, 14 + kind * 16),
	};
	Counter *slots[FLAGS];

	for (size_t i = 0; i < FLAGS; i++)
		slots[i] = &model->flags[i][contexts[i] >> (32 - FLAG_BITS)];
	return mixer_code_twice(&model->flag_mixer, coder, slots, FLAGS, flag_set(unit, far),
		FLAG_SETS + edge_set(unit), flag);
}

static uint8_t code_byte(
	ResidualModel *model, Coder *coder, const DeltaBytes *old, const Unit *unit, uint8_t change)
{
	uint32_t at = unit->source, now = old_at(old, at), before = before_of(old, unit, 1);
	uint32_t earlier = before_of(old, unit, 2), set = model->since < 2;
	uint32_t near = model->since < 3 ? model->since : 3, place = place_of(unit);
	uint32_t contexts[VALUES] = {
		hash2(now, 1 + unit->role * 256U),
		hash2(model->change | model->change_before << 8, 2 + near * 256U),
		hash2(now | before << 8, 3),
		hash2(before | earlier << 8, 4),
		hash2(model->change | before << 8 | near << 16, 5),
		hash2(now | before << 8 | earlier << 16, 6),
		hash2(now | (uint32_t)model->change << 8, 7),
		hash2(place | now << 16, 8),
		hash2(unit->place.part | (uint32_t)model->change << 8 |
				(uint32_t)unit->place.opcode << 16,
			9),
		hash2(unit->place.part | (uint32_t)model->change << 8 | near << 16, 10),
	};
	unsigned node = 1;

	if (unit->kind != UNIT_BYTE)
		for (size_t i = 0; i < VALUES; i++)
			contexts[i] = hash2(contexts[i], unit->kind);
	if (unit->role != ELF_CODE)
		set = 2;
	for (unsigned half = 0; half < 2; half++) {
		Counter *groups[VALUES], *slots[VALUES];
		unsigned inner = 1;

		for (size_t i = 0; i < VALUES; i++)
			groups[i] = counter_group(
				model->values[i], VALUE_BITS, contexts[i], half ? node : 0);
		for (unsigned depth = 4 * half; depth < 4 * half + 4; depth++) {
			unsigned bit;

			for (size_t i = 0; i < VALUES; i++)
				slots[i] = groups[i] + inner;
			bit = mixer_code_twice(&model->value_mixer, coder, slots, VALUES,
				(1 + depth) * 3 + set, VALUE_SETS + unit->place.part * 8U + depth,
				change >> (7 - depth) & 1);
			node = node << 1 | bit;
			inner = inner << 1 | bit;
		}
	}
	model->change_before = model->change;
	model->change = (uint8_t)node;
	model->opcode = (uint8_t)before;
	return (uint8_t)node;
}

/* A change larger than a NumberModel holds: its largest number, then 64 plain bits. */
static uint64_t code_large(NumberModel *numbers, Coder *coder, size_t context, uint64_t change)
{
	uint64_t code = zigzag_encode(change), plain = 0;

	if (zigzag_decode(code) != change)
		code = ZIGZAG_MASK;
	code = number_code(numbers, coder, context, code);
	if (code != ZIGZAG_MASK)
		return zigzag_decode(code);
	for (int i = 63; i >= 0; i--)
		plain = plain << 1 | coder_bit(coder, CODER_HALF, change >> i & 1);
	return plain;
}

static uint64_t code_reference(
	ResidualModel *model, Coder *coder, const Unit *unit, uint64_t change)
{
	uint64_t *recent = model->recent[unit->kind];
	unsigned found = 0;

	for (; found < RECENT; found++)
		if (counter_code(&model->again[unit->kind][found], model->tables, VALUE_LIMIT,
			    coder, change == recent[found]))
			break;
	if (found < RECENT)
		change = recent[found];
	else
		change = code_large(&model->numbers[unit_size(unit->kind) == 8], coder,
			unit->role == ELF_CODE ? 0 : 1, change);
	if (found == RECENT)
		found--;
	memmove(recent + 1, recent, found * sizeof(*recent));
	recent[0] = change;
	return change;
}

static void code_line(ResidualModel *model, Coder *coder, const DeltaBytes *old, const Unit *units,
	size_t size, uint64_t *changes)
{
	for (size_t i = 0; i < size; i++) {
		unsigned wrong;

		if (units[i].kind == UNIT_NONE)
			continue;
		wrong = code_flag(model, coder, old, &units[i], changes[i] != 0);
		model->history = model->history << 1 | wrong;
		if (!wrong)
			changes[i] = 0;
		else if (unit_size(units[i].kind) == 1)
			changes[i] = code_byte(model, coder, old, &units[i], (uint8_t)changes[i]);
		else
			changes[i] = code_reference(model, coder, &units[i], changes[i]);
		model->since = wrong ? 0 : model->since + (model->since < UINT16_MAX);
	}
}

static bool is_right(const uint64_t *changes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (changes[i] != 0)
			return false;
	return true;
}

/* What a stretch of units is like: nothing to code, or its role and whether blocks begin in it. */
static int look_at(const Unit *units, size_t size, unsigned *ret_edges, unsigned *ret_role)
{
	bool any = false;

	*ret_edges = 0;
	for (size_t i = 0; i < size; i++) {
		if (units[i].kind == UNIT_NONE)
			continue;
		if (!any)
			*ret_role = units[i].role;
		any = true;
		*ret_edges += units[i].edge == 0 || (i == 0 && units[i].edge < 32);
	}
	*ret_edges = *ret_edges < 3 ? *ret_edges : 3;
	return any;
}

bool residual_page(ResidualModel *model, Coder *coder, unsigned role, unsigned edges, bool wrong)
{
	Counter *counter = &model->pages[(model->page_history & 7) * 8 +
		(edges < 3 ? edges : 3) * 2 + (role == ELF_CODE)];

	wrong = counter_code(counter, model->tables, PAGE_LIMIT, coder, wrong);
	model->page_history = model->page_history << 1 | wrong;
	if (!wrong)
		model->since = UINT16_MAX;
	return wrong;
}

void residual_code(ResidualModel *model, Coder *coder, const DeltaBytes *old, const Unit *units,
	size_t size, uint64_t *changes)
{
	unsigned edges, role = 0, wrong, history = 0;

	for (size_t i = 0; i < size; i += LINE) {
		size_t n = size - i < LINE ? size - i : LINE;

		if (!look_at(units + i, n, &edges, &role))
			continue;
		wrong = counter_code(
			&model->lines[(history & 15) * 8 + edges * 2 + (role == ELF_CODE)],
			model->tables, PAGE_LIMIT, coder, !is_right(changes + i, n));
		history = history << 1 | wrong;
		if (wrong) {
			code_line(model, coder, old, units + i, n, changes + i);
			continue;
		}
		memset(changes + i, 0, n * sizeof(*changes));
		model->since += model->since < UINT16_MAX - LINE ? LINE : 0;
	}
}
