/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/executable.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/insertion.h"
#include "wire/delta/model/little.h"
#include "wire/delta/model/zigzag.h"

#define LIMIT 60
#define SIGN  (UINT64_C(1) << 31)

ExecutableModels *executable_models_new(GenericModels *generic)
{
	_cleanup_(executable_models_freep) ExecutableModels *models = memory_new(sizeof(*models));

	if (!models)
		return NULL;
	models->tables = &generic->tables;
	models->literals = generic->literals;
	models->residual = residual_model_new(models->tables);
	models->blocks = blocks_model_new(models->tables);
	if (!models->residual || !models->blocks)
		return NULL;
	layout_model_init(&models->layout, models->tables);
	number_init(&models->hints, models->tables);
	counters_init(models->derived, ARRAY_SIZE(models->derived));
	return TAKE_PTR(models);
}

ExecutableModels *executable_models_free(ExecutableModels *models)
{
	if (!models)
		return NULL;
	blocks_model_free(models->blocks);
	residual_model_free(models->residual);
	memory_free(models);
	return NULL;
}

static bool code_derived(ExecutableModels *models, Coder *coder, size_t which, bool derived)
{
	return counter_code(&models->derived[which], models->tables, LIMIT, coder, derived);
}

static int code_hints(ExecutableModels *models, Coder *coder, Predictor *predictor)
{
	uint64_t count = number_code(&models->hints, coder, 0, predictor->hint_count);
	MapPoint last = {.start = predictor->old.low};

	if (count > EXECUTABLE_HINTS_MAX)
		return -EBADMSG;
	if (coder_decodes(coder)) {
		predictor->hint_count = (size_t)count;
		predictor->hints = memory_new_array(predictor->hint_count, sizeof(MapPoint));
		if (!predictor->hints)
			return -ENOMEM;
	}
	for (size_t i = 0; i < predictor->hint_count; i++) {
		MapPoint *hint = &predictor->hints[i];

		hint->start = last.start +
			number_code(&models->hints, coder, 1, hint->start - last.start);
		hint->shift = last.shift +
			zigzag_decode(number_code(
				&models->hints, coder, 2, zigzag_encode(hint->shift - last.shift)));
		last = *hint;
	}
	return 0;
}

static Step step_of(const Predictor *predictor, size_t i)
{
	const Block *block = &predictor->blocks[i];

	if (i == predictor->block_count)
		return (Step){0};
	return (Step){.literals = block->literals - (i > 0 ? block[-1].literals : 0),
		.old = block->old,
		.copy = block->size,
		.exact = true};
}

static int add_block(Predictor *predictor, const Step *step, uint64_t target)
{
	int r;

	if (predictor->block_count == EXECUTABLE_BLOCKS_MAX)
		return -EBADMSG;
	r = memory_grow(&predictor->blocks, predictor->block_count, sizeof(Block));
	if (r < 0)
		return r;
	predictor->blocks[predictor->block_count++] =
		(Block){step->old, target, step->copy, predictor->literal_count};
	return 0;
}

static int code_step(ExecutableModels *models, Coder *coder, const Predictor *predictor,
	uint64_t left, Step *step)
{
	const DeltaBytes *old = &predictor->old.bytes;
	uint64_t at = blocks_old(models->blocks);
	const ElfSection *section = elf_at_offset(&predictor->old, at);

	return blocks_code(models->blocks, coder, left, old->size,
		section ? section->role : ELF_PLAIN,
		old->size - at >= 4 ? little_u32(old->data + at) : 0, step);
}

static int code_blocks(ExecutableModels *models, Coder *coder, Predictor *predictor)
{
	uint64_t size = predictor->layout.size, done = 0, literals = 0;

	blocks_restart(models->blocks);
	for (size_t i = 0; done < size; i++) {
		Step step = {};
		int r;

		if (!coder_decodes(coder)) {
			step = step_of(predictor, i);
			if (i == predictor->block_count)
				step.literals = size - done;
		}
		r = code_step(models, coder, predictor, size - done, &step);
		if (r < 0)
			return r;
		literals += step.literals;
		done += step.literals;
		if (literals > EXECUTABLE_LITERALS_MAX)
			return -EBADMSG;
		if (coder_decodes(coder)) {
			predictor->literal_count = (size_t)literals;
			if (step.copy > 0)
				r = add_block(predictor, &step, done);
			if (r < 0)
				return r;
		}
		done += step.copy;
	}
	return 0;
}

int executable_code_plan(ExecutableModels *models, Coder *coder, Predictor *predictor)
{
	int r = layout_code(&models->layout, coder, &predictor->layout);

	if (r < 0)
		return r;
	predictor->derives_header = code_derived(models, coder, 0, predictor->derives_header);
	predictor->derives_link = code_derived(models, coder, 1, predictor->derives_link);
	if ((predictor->derives_header && !predictor->old.roles[ELF_EH_FRAME_HDR]) ||
		(predictor->derives_link && !predictor->old.roles[ELF_DEBUGLINK]))
		return -EBADMSG;
	r = code_hints(models, coder, predictor);
	return r < 0 ? r : code_blocks(models, coder, predictor);
}

/* One page of the new file. */
typedef struct Page {
	uint64_t offset;
	size_t size, block;
	Unit units[RESIDUAL_PAGE];
	uint64_t changes[RESIDUAL_PAGE];
	uint8_t expected[RESIDUAL_PAGE + 8], actual[RESIDUAL_PAGE + 8];
} Page;

/* What an encoder has to say. */
static int compare(const Predictor *predictor, SymbolsRead read, void *userdata, Page *page)
{
	uint64_t rest = predictor->layout.size - page->offset;
	size_t wide = rest < RESIDUAL_PAGE + 8 ? (size_t)rest : RESIDUAL_PAGE + 8;
	int r = read(userdata, page->offset, wide, page->actual);

	if (r < 0)
		return r;
	predictor_render(predictor, page->offset, wide, page->expected);
	for (size_t i = 0; i < page->size; i++) {
		unsigned size = unit_size(page->units[i].kind);

		if (page->units[i].kind == UNIT_NONE)
			continue;
		page->changes[i] =
			little_read(page->actual + i, size) - little_read(page->expected + i, size);
		if (size == 1)
			page->changes[i] &= 255;
		else if (size == 4)
			page->changes[i] = ((page->changes[i] & UINT32_MAX) ^ SIGN) - SIGN;
	}
	return 0;
}

static int add_events(Events *events, const Page *page)
{
	int r = 0;

	for (size_t i = 0; i < page->size && r == 0; i++) {
		Event event = {page->offset + i, page->changes[i],
			(uint8_t)unit_size(page->units[i].kind)};

		if (page->changes[i] != 0)
			r = events_add(events, &event);
	}
	return r;
}

/* 1 when there are events in it. */
static int code_page(ExecutableModels *models, Coder *coder, Predictor *predictor, Page *page,
	SymbolsRead read, void *userdata)
{
	unsigned role, edges;
	bool wrong = false;

	if (!predictor_outline(predictor, page->offset, page->size, &page->block, &role, &edges))
		return 0;
	if (!coder_decodes(coder)) {
		int r;

		memset(page->changes, 0, sizeof(page->changes));
		predictor_units(predictor, page->offset, page->size, page->units);
		r = compare(predictor, read, userdata, page);
		if (r < 0)
			return r;
		for (size_t i = 0; i < page->size; i++)
			wrong |= page->changes[i] != 0;
	}
	if (!residual_page(models->residual, coder, role, edges, wrong))
		return 0;
	if (coder_decodes(coder)) {
		memset(page->changes, 0, sizeof(page->changes));
		predictor_units(predictor, page->offset, page->size, page->units);
	}
	residual_code(models->residual, coder, &predictor->old.bytes, page->units, page->size,
		page->changes);
	return 1;
}

int executable_code_events(ExecutableModels *models, Coder *coder, Predictor *predictor,
	SymbolsRead read, void *userdata)
{
	_cleanup_free_ Page *page = memory_new(sizeof(*page));
	_cleanup_(events_done) Events events = {};
	uint64_t size = predictor->layout.size;

	if (!page)
		return -ENOMEM;
	residual_restart(models->residual);
	for (page->offset = 0; page->offset < size; page->offset += page->size) {
		uint64_t rest = size - page->offset;
		int r;

		page->size = rest < RESIDUAL_PAGE ? (size_t)rest : RESIDUAL_PAGE;
		r = code_page(models, coder, predictor, page, read, userdata);
		if (r > 0)
			r = add_events(&events, page);
		if (r < 0)
			return r;
	}
	predictor->events = events;
	events = (Events){};
	return 0;
}

int executable_decode(ExecutableModels *models, DeltaBytes old, uint64_t size,
	const uint8_t *payload, size_t payload_size, Predictor *predictor)
{
	GenericStreams streams;
	Coder control, literals, differences;
	int r = generic_streams_read(payload, payload_size, &streams);

	if (r == 0)
		r = predictor_init(predictor, old, size);
	if (r < 0)
		return r;
	coder_start(&control, streams.control.data, streams.control.size);
	coder_start(&literals, streams.literals.data, streams.literals.size);
	coder_start(&differences, streams.differences.data, streams.differences.size);
	r = executable_code_plan(models, &control, predictor);
	if (r == 0)
		r = insertions_code(models->literals, &literals, predictor);
	if (r == 0)
		r = executable_code_events(models, &differences, predictor, NULL, NULL);
	if (r == 0 &&
		!(coder_ended(&control) && coder_ended(&literals) && coder_ended(&differences)))
		r = -EBADMSG;
	return r < 0 ? r : predictor_prepare(predictor, NULL, NULL);
}
