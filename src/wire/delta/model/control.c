/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/control.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

#define LIMIT 60

/* Where a copy starts, as a symbol of three bits. */
enum {
	PLACE_ALIGNED,  /* literals replaced as many old bytes */
	PLACE_INSERTED, /* literals replaced nothing */
	PLACE_RECENT,   /* CONTROL_RECENT of these: the displacement of an earlier copy */
	PLACE_FORWARD = PLACE_RECENT + CONTROL_RECENT, /* a distance from the last copy's end */
	PLACE_BACKWARD,
};

void control_init(ControlModel *model, const MixerTables *tables)
{
	*model = (ControlModel){.tables = tables};
	number_init(&model->literals, tables);
	number_init(&model->copies, tables);
	number_init(&model->seeks, tables);
	counters_init(&model->places[0][0], 16 * 8);
	counters_init(model->ends, ARRAY_SIZE(model->ends));
	counters_init(model->exacts, ARRAY_SIZE(model->exacts));
	control_restart(model);
}

void control_restart(ControlModel *model)
{
	model->last_place = 0;
	model->old = model->target = 0;
	memset(model->recent, 0, sizeof(model->recent));
}

/* The old offset that a place without a distance means; unsigned wrap-around is checked later. */
static uint64_t old_at(const ControlModel *model, unsigned place, uint64_t literals)
{
	if (place == PLACE_ALIGNED)
		return model->old + literals;
	if (place == PLACE_INSERTED)
		return model->old;
	return model->recent[place - PLACE_RECENT] + model->target + literals;
}

static unsigned choose_place(const ControlModel *model, const Step *step)
{
	for (unsigned place = 0; place < PLACE_FORWARD; place++)
		if (old_at(model, place, step->literals) == step->old)
			return place;
	return step->old > model->old ? PLACE_FORWARD : PLACE_BACKWARD;
}

static unsigned code_place(ControlModel *model, Coder *coder, const Step *step)
{
	unsigned wanted = coder_decodes(coder) ? 0 : choose_place(model, step), node = 1;
	Counter *counters = model->places[model->last_place * 2 + (step->literals > 0)];

	for (int i = 2; i >= 0; i--)
		node = node << 1 |
			counter_code(&counters[node], model->tables, LIMIT, coder, wanted >> i & 1);
	model->last_place = node & 7;
	return node & 7;
}

static void code_old(ControlModel *model, Coder *coder, Step *step)
{
	unsigned place = code_place(model, coder, step);

	if (place == PLACE_FORWARD)
		step->old =
			model->old + number_code(&model->seeks, coder, 0, step->old - model->old);
	else if (place == PLACE_BACKWARD)
		step->old =
			model->old - number_code(&model->seeks, coder, 1, model->old - step->old);
	else
		step->old = old_at(model, place, step->literals);
}

static void code_copy(ControlModel *model, Coder *coder, uint64_t left, Step *step)
{
	unsigned size = 0;

	if (counter_code(&model->ends[0], model->tables, LIMIT, coder, step->copy != left))
		step->copy =
			1 + number_code(&model->copies, coder, step->literals > 0, step->copy - 1);
	else
		step->copy = left;
	while (size < 31 && step->copy >> size > 1)
		size++;
	step->exact =
		!counter_code(&model->exacts[size], model->tables, LIMIT, coder, !step->exact);
}

static void follow(ControlModel *model, const Step *step)
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
}

int control_code(ControlModel *model, Coder *coder, uint64_t left, uint64_t old_size, Step *step)
{
	step->literals = number_code(&model->literals, coder, 0, step->literals);
	if (step->literals > left)
		return -EBADMSG;
	left -= step->literals;
	if (left == 0) {
		step->copy = 0;
		return 0;
	}
	code_old(model, coder, step);
	code_copy(model, coder, left, step);
	if (step->copy > left || step->old > old_size || step->copy > old_size - step->old)
		return -EBADMSG;
	follow(model, step);
	return 0;
}
