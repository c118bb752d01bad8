/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/create/executable.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/create/hints.h"
#include "wire/delta/create/match.h"
#include "wire/delta/model/aarch64.h"
#include "wire/delta/model/encoder.h"
#include "wire/delta/model/insertion.h"
#include "wire/delta/model/little.h"

#define PASSES     3 /* alignments, each with the map that the one before gave */
#define RELUCTANCE 4
#define PRIME      UINT32_C(0x9e3779b1)

struct ExecutablePlan {
	Predictor predictor;
	ElfImage image; /* of the target */
	Finder finder;
	DeltaBytes target;
};

ExecutablePlan *executable_plan_free(ExecutablePlan *plan)
{
	if (!plan)
		return NULL;
	predictor_done(&plan->predictor);
	finder_done(&plan->finder);
	elf_done(&plan->image);
	memory_free(plan);
	return NULL;
}

static int read_target(void *userdata, uint64_t offset, size_t size, uint8_t *out)
{
	const DeltaBytes *target = userdata;

	memcpy(out, target->data + offset, size);
	return 0;
}

/* ---- the new places of the old sections ---- */

static const ElfSection *find_section(const ElfImage *image, const ElfSection *like)
{
	for (size_t i = 0; i < image->count; i++)
		if (image->sections[i].role == like->role && image->sections[i].name == like->name)
			return &image->sections[i];
	return NULL;
}

/* A section that is gone is empty at the end of the one before. */
static void lay_out(Layout *layout, const ElfImage *image)
{
	uint64_t offset = 0, address = 0;

	for (size_t i = 0; i < layout->old->count; i++) {
		ElfSection *section = &layout->sections[i];
		const ElfSection *found = find_section(image, section);

		section->offset = found ? found->offset : offset;
		section->size = found ? found->size : 0;
		section->address = !section->loaded ? 0 : found ? found->address : address;
		offset = section->offset + elf_stored(section);
		address = section->address + section->size;
	}
}

/* ---- alignment on normalised images: a reference reads as what it stands for ---- */

typedef struct Normal {
	const Predictor *predictor; /* NULL: the new file, whose targets need no map */
	const ElfSection *section;
	uint8_t *bytes;
	bool blank; /* references are zeroed, as no map is known yet */
} Normal;

static uint64_t meaning_of(const Normal *normal, const Reference *reference)
{
	if (normal->predictor)
		return predictor_meaning(normal->predictor, normal->section, reference);
	switch (reference->kind) {
	case REFERENCE_LENGTH:
	case REFERENCE_SIZE: return reference->target - reference->base;
	case REFERENCE_OFFSET:
	case REFERENCE_SECTION_ADDRESS:
	case REFERENCE_SECTION_OFFSET:
	case REFERENCE_SECTION_SIZE: return 0;
	default: return reference->target;
	}
}

static bool is_relative(ReferenceKind kind)
{
	return kind <= REFERENCE_PC || kind == REFERENCE_CIE;
}

/* The same of an instruction, whose other bits stay. */
static void normalise_instruction(const Normal *normal, const Reference *reference)
{
	uint8_t *bytes = normal->bytes + reference->offset;
	uint32_t number = normal->blank ? 0 : (uint32_t)meaning_of(normal, reference) * PRIME;

	little_write(bytes, 4,
		aarch64_put(reference->kind, little_u32(bytes),
			number >> (32 - aarch64_width(reference->kind))));
}

static void normalise(void *userdata, const Reference *reference)
{
	const Normal *normal = userdata;
	unsigned size = reference_size(reference->kind);
	uint64_t meaning;

	if (reference->kind == REFERENCE_NUMBER)
		return;
	if (reference->kind >= REFERENCE_JUMP) {
		normalise_instruction(normal, reference);
		return;
	}
	if (normal->blank) {
		if (is_relative(reference->kind))
			memset(normal->bytes + reference->offset, 0, 4);
		return;
	}
	meaning = meaning_of(normal, reference);
	/* Near targets should look as different as far ones. */
	if (is_relative(reference->kind))
		meaning = (uint32_t)meaning * PRIME;
	little_write(normal->bytes + reference->offset, size, meaning);
}

/* Slots that all start with the same word should look as different as what they are for. */
static void name_slots(const Normal *normal, const ElfImage *image)
{
	const ElfSection *relocations = normal->section, *section;
	const uint8_t *entry = image->bytes.data + relocations->offset;

	if (normal->blank || image->machine == ELF_X86_64)
		return;
	for (uint64_t left = relocations->size; left >= ELF_RELA_SIZE;
		left -= ELF_RELA_SIZE, entry += ELF_RELA_SIZE) {
		uint32_t type = little_u32(entry + 8), symbol = little_u32(entry + 12);
		uint64_t place = little_u64(entry);
		Reference reference = {.kind = REFERENCE_SYMBOL, .target = symbol};

		if (type != image->relocations.glob_dat && type != image->relocations.jump_slot)
			continue;
		section = elf_at_address(image, place);
		if (!section || elf_stored(section) == 0 ||
			section->address + section->size - place < 8)
			continue;
		little_write(normal->bytes + section->offset + (place - section->address), 8,
			meaning_of(normal, &reference) * PRIME);
	}
}

static uint8_t *normal_copy(const Finder *finder, const Predictor *predictor, bool blank)
{
	const ElfImage *image = finder->image;
	uint8_t *bytes = memory_copy(image->bytes.data, image->bytes.size);
	Normal normal = {.predictor = predictor, .bytes = bytes, .blank = blank};

	for (size_t i = 0; bytes && i < image->count; i++) {
		const ElfSection *section = &image->sections[i];

		normal.section = section;
		if (elf_stored(section) > 0)
			finder_visit(finder, section, section->offset,
				section->offset + section->size, normalise, &normal);
	}
	for (size_t i = 0; bytes && i < image->count; i++) {
		normal.section = &image->sections[i];
		if (normal.section->role == ELF_RELA || normal.section->role == ELF_RELA_PLT)
			name_slots(&normal, image);
	}
	return bytes;
}

/* What is derived may be anything that is the same in both files and nowhere else. */
static void fill(uint8_t *bytes, uint64_t size)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * PRIME >> 24);
}

static void blank_derived(const Predictor *predictor, const ElfSection *sections, uint8_t *bytes)
{
	const ElfImage *old = &predictor->old;
	const ElfSection *header = old->roles[ELF_EH_FRAME_HDR], *link = old->roles[ELF_DEBUGLINK];

	if (predictor->derives_header) {
		header = &sections[header - old->sections];
		fill(bytes + header->offset, header->size);
	}
	if (predictor->derives_link) {
		link = &sections[link - old->sections];
		fill(bytes + link->offset, link->size < 38 ? link->size : 38);
	}
}

static int take_steps(Predictor *predictor, const Step *steps, size_t count)
{
	uint64_t done = 0;

	memory_free(predictor->blocks);
	predictor->block_count = predictor->literal_count = 0;
	predictor->blocks = memory_new_array(count, sizeof(Block));
	if (!predictor->blocks)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		predictor->literal_count += steps[i].literals;
		done += steps[i].literals;
		if (steps[i].copy > 0)
			predictor->blocks[predictor->block_count++] = (Block){
				steps[i].old, done, steps[i].copy, predictor->literal_count};
		done += steps[i].copy;
	}
	return 0;
}

/* Drops blocks that cost more than their bytes as literals. Rough costs in tenths of a bit, found
 * by trying: a block, a new place, a literal, and a byte that is wrong in a block. */
#define BLOCK_COST   250
#define JUMP_COST    180
#define LITERAL_COST 26
#define WRONG_COST   40
#define SURELY_WORTH 512 /* bytes of a block that nobody needs to look into */

static uint64_t jump_cost(const Block *from, const Block *to)
{
	return !from || from->old - from->target != to->old - to->target ? JUMP_COST : 0;
}

static uint64_t wrong_cost(const Block *block, const uint8_t *old, const uint8_t *new)
{
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < block->size; i++)
		wrong += old[block->old + i] != new[block->target + i];
	return wrong * WRONG_COST;
}

static bool is_worth(const Predictor *predictor, size_t i, const Block *before, const uint8_t *old,
	const uint8_t *new)
{
	const Block *block = &predictor->blocks[i];
	bool last = i + 1 == predictor->block_count;
	uint64_t with, without;

	if (block->size >= SURELY_WORTH)
		return true;
	with = BLOCK_COST + wrong_cost(block, old, new) + jump_cost(before, block) +
		(last ? 0 : jump_cost(block, block + 1));
	without = block->size * LITERAL_COST + (last ? 0 : jump_cost(before, block + 1));
	return with <= without;
}

static void count_literals(Predictor *predictor)
{
	uint64_t literals = 0, done = 0;

	for (size_t i = 0; i < predictor->block_count; i++) {
		Block *block = &predictor->blocks[i];

		literals += block->target - done;
		block->literals = literals;
		done = block->target + block->size;
	}
	predictor->literal_count = (size_t)(literals + predictor->layout.size - done);
}

/* Both files as they were aligned. */
static void prune(Predictor *predictor, const uint8_t *old, const uint8_t *new)
{
	Block *blocks = predictor->blocks;
	size_t kept = 0;

	for (size_t i = 0; i < predictor->block_count; i++)
		if (is_worth(predictor, i, kept > 0 ? &blocks[kept - 1] : NULL, old, new))
			blocks[kept++] = blocks[i];
	predictor->block_count = kept;
	count_literals(predictor);
}

static int align(ExecutablePlan *plan, bool blank, bool last)
{
	Predictor *predictor = &plan->predictor;
	_cleanup_free_ uint8_t *old = normal_copy(&predictor->finder, predictor, blank);
	_cleanup_free_ uint8_t *new = normal_copy(&plan->finder, NULL, blank);
	_cleanup_(match_index_freep) MatchIndex *index = NULL;
	_cleanup_free_ Step *steps = NULL;
	size_t count;
	int r;

	if (!old || !new)
		return -ENOMEM;
	blank_derived(predictor, predictor->old.sections, old);
	blank_derived(predictor, predictor->layout.sections, new);
	r = match_index_new(old, predictor->old.bytes.size, &index);
	if (r == 0)
		r = match_steps(index, new, plan->target.size, RELUCTANCE, &steps, &count);
	if (r == 0)
		r = take_steps(predictor, steps, count);
	if (r == 0 && last)
		prune(predictor, old, new);
	return r;
}

/* Whether the derived parts are what the new file has. */
static int try_derived(ExecutablePlan *plan)
{
	Predictor *predictor = &plan->predictor;
	int r = predictor_derive_header(predictor, read_target, &plan->target);

	if (r == 0) {
		const ElfSection *header = layout_role(&predictor->layout, ELF_EH_FRAME_HDR);

		predictor->derives_header =
			memcmp(predictor->header, plan->target.data + header->offset,
				(size_t)header->size) == 0;
	}
	if (r >= 0)
		r = predictor_derive_link(predictor, read_target, &plan->target);
	if (r == 0) {
		const ElfSection *link = layout_role(&predictor->layout, ELF_DEBUGLINK);

		predictor->derives_link = memcmp(predictor->link, plan->target.data + link->offset,
						  predictor->link_size) == 0;
	}
	predictor_reset(predictor);
	return r < 0 ? r : 0;
}

static int take_literals(ExecutablePlan *plan)
{
	Predictor *predictor = &plan->predictor;
	uint64_t done = 0, literals = 0;

	memory_free(predictor->literals);
	predictor->literals = memory_new(predictor->literal_count);
	if (!predictor->literals)
		return -ENOMEM;
	/* Literals where something is derived are not looked at. */
	for (size_t i = 0; i <= predictor->block_count; i++) {
		bool last = i == predictor->block_count;
		uint64_t end = last ? plan->target.size : predictor->blocks[i].target;

		memcpy(predictor->literals + literals, plan->target.data + done,
			(size_t)(end - done));
		literals += end - done;
		done = last ? end : end + predictor->blocks[i].size;
	}
	return 0;
}

static int find_hints(ExecutablePlan *plan)
{
	Predictor *predictor = &plan->predictor;
	int r = hints_find(predictor, &plan->image, &predictor->hints, &predictor->hint_count);

	if (r < 0 || predictor->hint_count == 0)
		return r;
	predictor_reset(predictor);
	return predictor_prepare(predictor, read_target, &plan->target);
}

static int find_plan(ExecutablePlan *plan)
{
	Predictor *predictor = &plan->predictor;
	int r;

	lay_out(&predictor->layout, &plan->image);
	r = try_derived(plan);
	for (unsigned pass = 0; pass < PASSES && r == 0; pass++) {
		r = align(plan, pass == 0, pass + 1 == PASSES);
		predictor_reset(predictor);
		if (r == 0)
			r = predictor_prepare(predictor, read_target, &plan->target);
	}
	if (r == 0)
		r = find_hints(plan);
	return r < 0 ? r : take_literals(plan);
}

int executable_plan_new(DeltaBytes old, DeltaBytes target, ExecutablePlan **ret)
{
	_cleanup_(executable_plan_freep) ExecutablePlan *plan = memory_new(sizeof(*plan));
	int r;

	if (!plan)
		return -ENOMEM;
	plan->target = target;
	r = elf_read(target, &plan->image);
	if (r == 0 && plan->image.count == 0)
		return 1;
	if (r == 0)
		r = predictor_init(&plan->predictor, old, target.size);
	if (r == 0 &&
		(plan->predictor.old.count == 0 ||
			plan->predictor.old.machine != plan->image.machine))
		return 1;
	if (r == 0)
		r = finder_init(&plan->finder, &plan->image);
	if (r == 0)
		r = find_plan(plan);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}

typedef struct Encoders {
	Encoder control, literals, differences;
} Encoders;

static void encoders_done(Encoders *encoders)
{
	encoder_done(&encoders->control);
	encoder_done(&encoders->literals);
	encoder_done(&encoders->differences);
}

static int finish(Encoders *encoders, Buffer *out)
{
	GenericStreams streams;
	int r = encoder_finish(&encoders->control);

	if (r == 0)
		r = encoder_finish(&encoders->literals);
	if (r == 0)
		r = encoder_finish(&encoders->differences);
	if (r < 0)
		return r;
	streams = (GenericStreams){
		{encoders->control.bytes.data, encoders->control.bytes.size},
		{encoders->literals.bytes.data, encoders->literals.bytes.size},
		{encoders->differences.bytes.data, encoders->differences.bytes.size},
	};
	return generic_streams_write(&streams, out);
}

int encode_executable(ExecutableModels *models, ExecutablePlan *plan, Buffer *out)
{
	_cleanup_(encoders_done) Encoders encoders = {};
	Predictor *predictor = &plan->predictor;
	int r;

	encoder_start(&encoders.control);
	encoder_start(&encoders.literals);
	encoder_start(&encoders.differences);
	events_done(&predictor->events);
	if (predictor->block_count > EXECUTABLE_BLOCKS_MAX)
		return 1;
	r = executable_code_plan(models, &encoders.control.coder, predictor);
	if (r == 0)
		r = insertions_code(models->literals, &encoders.literals.coder, predictor);
	if (r == 0)
		r = executable_code_events(
			models, &encoders.differences.coder, predictor, read_target, &plan->target);
	if (r == 0)
		r = finish(&encoders, out);
	return r == -EBADMSG ? 1 : r;
}

static int compare(const Predictor *predictor, const DeltaBytes *target)
{
	_cleanup_free_ uint8_t *window = memory_new(PREDICTOR_RENDER_MAX);

	if (!window)
		return -ENOMEM;
	for (size_t done = 0; done < target->size;) {
		size_t size = target->size - done;

		size = size < PREDICTOR_RENDER_MAX ? size : PREDICTOR_RENDER_MAX;
		predictor_render(predictor, done, size, window);
		if (memcmp(window, target->data + done, size) != 0)
			return 1;
		done += size;
	}
	return 0;
}

int verify_executable(const ExecutablePlan *plan, const Buffer *payload)
{
	_cleanup_(generic_models_freep) GenericModels *generic = generic_models_new();
	_cleanup_(executable_models_freep) ExecutableModels *models = NULL;
	_cleanup_(predictor_done) Predictor predictor = {};
	int r;

	if (!generic)
		return -ENOMEM;
	models = executable_models_new(generic);
	if (!models)
		return -ENOMEM;
	r = executable_decode(models, plan->predictor.old.bytes, plan->target.size, payload->data,
		payload->size, &predictor);
	if (r == 0)
		r = compare(&predictor, &plan->target);
	return r == -EBADMSG ? 1 : r;
}
