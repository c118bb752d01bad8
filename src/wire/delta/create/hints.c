/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/create/hints.h"

#include <errno.h>

#include "wire/delta/model/executable.h"
#include "wire/delta/model/little.h"

#define WORTH 6  /* references that must be right by a hint alone, for its few bytes */
#define AHEAD 64 /* variables that are looked at for that many */

/* What a reference says of its target. */
typedef struct Vote {
	uint64_t address, shift;
} Vote;

/* What most say of an address. */
typedef struct Variable {
	uint64_t address, shift;
	size_t votes;
} Variable;

typedef struct Survey {
	const Predictor *predictor;
	const ElfImage *image; /* of the target */
	const ElfSection *section;
	const Block *block;
	Vote *votes;
	size_t count;
	int error;
} Survey;

/* Where the new file's bytes at `target` point. False: that cannot be said. */
static bool pointed_at(
	const Survey *survey, const Reference *reference, uint64_t target, uint64_t *ret)
{
	const uint8_t *bytes = survey->image->bytes.data + target;
	const ElfSection *new = elf_at_offset(survey->image, target);
	uint64_t place;

	switch (reference->kind) {
	case REFERENCE_ADDRESS:
	case REFERENCE_ADDEND: *ret = little_u64(bytes); return true;
	case REFERENCE_BRANCH:
	case REFERENCE_DATA:
	case REFERENCE_PC:
		if (!new)
			return false;
		place = survey->section->address + (reference->offset - survey->section->offset);
		*ret = new->address + (target - new->offset) + (reference->base - place) +
			little_s32(bytes);
		return true;
	default: return false;
	}
}

static void take_vote(void *userdata, const Reference *reference)
{
	Survey *survey = userdata;
	const Block *block = survey->block;
	const ElfSection *section = elf_at_address(&survey->predictor->old, reference->target);
	uint64_t target = block->target + (reference->offset - block->old), pointed;

	if (survey->error < 0 || !section || section->role != ELF_BSS ||
		reference->offset + reference_size(reference->kind) > block->old + block->size ||
		!pointed_at(survey, reference, target, &pointed))
		return;
	survey->error = memory_grow(&survey->votes, survey->count, sizeof(Vote));
	if (survey->error == 0)
		survey->votes[survey->count++] =
			(Vote){reference->target, pointed - reference->target};
}

static int survey_block(Survey *survey, const Block *block)
{
	const Predictor *predictor = survey->predictor;
	uint64_t old = block->old, end = block->old + block->size, stop;

	survey->block = block;
	while (old < end && survey->error == 0) {
		survey->section = elf_at_offset(&predictor->old, old);
		if (!survey->section) {
			old++;
			continue;
		}
		stop = survey->section->offset + survey->section->size;
		stop = stop < end ? stop : end;
		finder_visit(&predictor->finder, survey->section, old, stop, take_vote, survey);
		old = stop;
	}
	return survey->error;
}

static int by_address(const void *a, const void *b)
{
	const Vote *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->shift < y->shift ? -1 : x->shift > y->shift;
}

/* Sorted votes to variables, in their place. Returns how many. */
static size_t count_votes(const Vote *votes, size_t count, Variable *variables)
{
	size_t n = 0;

	for (size_t i = 0, next; i < count; i = next) {
		for (next = i; next < count && by_address(&votes[i], &votes[next]) == 0;)
			next++;
		if (n > 0 && variables[n - 1].address == votes[i].address) {
			if (next - i > variables[n - 1].votes)
				variables[n - 1] =
					(Variable){votes[i].address, votes[i].shift, next - i};
			continue;
		}
		variables[n++] = (Variable){votes[i].address, votes[i].shift, next - i};
	}
	return n;
}

/* Whether going over to the first variable's shift makes enough of the next right. */
static bool is_worth(const Variable *variables, size_t count, uint64_t shift)
{
	int64_t gain = 0;

	for (size_t i = 0; i < count && i < AHEAD && gain >= 0; i++) {
		if (variables[i].shift == variables[0].shift)
			gain += (int64_t)variables[i].votes;
		else if (variables[i].shift == shift)
			gain -= (int64_t)variables[i].votes;
		if (gain >= WORTH)
			return true;
	}
	return false;
}

/* How far a variable moves without a hint. */
static uint64_t shift_of(const Layout *layout, uint64_t address)
{
	const ElfSection *section = elf_at_address(layout->old, address);

	return layout->sections[section - layout->old->sections].address - section->address;
}

static int choose(const Layout *layout, const Variable *variables, size_t count, MapPoint **hints,
	size_t *n_hints)
{
	const ElfSection *section = NULL;
	uint64_t shift = 0;

	for (size_t i = 0; i < count && *n_hints < EXECUTABLE_HINTS_MAX; i++) {
		const ElfSection *in = elf_at_address(layout->old, variables[i].address);
		int r;

		if (in != section)
			shift = shift_of(layout, variables[i].address);
		section = in;
		if (variables[i].shift == shift || !is_worth(variables + i, count - i, shift))
			continue;
		r = memory_grow(hints, *n_hints, sizeof(MapPoint));
		if (r < 0)
			return r;
		shift = variables[i].shift;
		(*hints)[(*n_hints)++] = (MapPoint){variables[i].address, shift};
	}
	return 0;
}

int hints_find(const Predictor *predictor, const ElfImage *image, MapPoint **ret, size_t *ret_count)
{
	Survey survey = {.predictor = predictor, .image = image};
	_cleanup_free_ Vote *votes = NULL;
	_cleanup_free_ Variable *variables = NULL;
	_cleanup_free_ MapPoint *hints = NULL;
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < predictor->block_count && r == 0; i++)
		r = survey_block(&survey, &predictor->blocks[i]);
	votes = survey.votes;
	if (r < 0 || survey.count == 0)
		return r;
	qsort(votes, survey.count, sizeof(Vote), by_address);
	variables = memory_new_array(survey.count, sizeof(Variable));
	if (!variables)
		return -ENOMEM;
	r = choose(&predictor->layout, variables, count_votes(votes, survey.count, variables),
		&hints, &count);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(hints);
	*ret_count = count;
	return 0;
}
