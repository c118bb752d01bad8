/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/insertion.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/aarch64.h"
#include "wire/delta/model/little.h"
#include "wire/delta/model/syntax.h"

#define LEARN  320 /* old bytes on each side that new code learns from */
#define PIECE  64  /* bytes of the old file that are learnt as one, and once */
#define BEFORE 16  /* and that are read to know the eight that a run follows */
#define WINDOW 128 /* old bytes beside a run that are read at once, with FIELD more */
#define FIELD  4   /* bytes of an address, and of an A64 instruction */

/* Runs of literals being coded. */
typedef struct Insertion {
	LiteralModel *model;
	Coder *coder;
	Predictor *predictor;
	uint8_t *learnt; /* a bit for each piece of the old file */
	/* of the run */
	uint64_t beside;  /* the old offset where the last copy would go on */
	uint64_t address; /* of the next literal; 0: it is not in code */
	Syntax syntax;
	uint8_t window[WINDOW + FIELD];
	size_t at; /* of `beside` in the window */
} Insertion;

/* ---- old bytes, with relative addresses as what they name in the new file ---- */

typedef struct Meaning {
	const Predictor *predictor;
	uint64_t from, to;
	uint8_t *out;
} Meaning;

static void write_upper_first(uint8_t *out, uint32_t number)
{
	for (unsigned i = 0; i < FIELD; i++)
		out[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t read_upper_first(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		bytes[3];
}

static void replace(void *userdata, const Reference *reference)
{
	const Meaning *meaning = userdata;
	const Map *map = &meaning->predictor->maps[PREDICTOR_COPIES];
	uint8_t *out = meaning->out + (reference->offset - meaning->from);
	uint64_t target;

	if (reference_size(reference->kind) != FIELD || reference->offset + FIELD > meaning->to)
		return;
	target = map_address(map, reference->target);
	if (reference->kind == REFERENCE_BRANCH || reference->kind == REFERENCE_DATA)
		write_upper_first(out, (uint32_t)target);
	else if (reference->kind == REFERENCE_JUMP)
		little_write(out, FIELD, aarch64_put(REFERENCE_JUMP, little_u32(out), target >> 2));
	else if (reference->kind == REFERENCE_PAGE)
		little_write(
			out, FIELD, aarch64_put(REFERENCE_PAGE, little_u32(out), target >> 12));
}

/* Turns whole words around. */
static void turn(const ElfSection *section, uint64_t from, uint64_t to, uint8_t *out)
{
	uint64_t at = from + (FIELD - (from - section->offset) % FIELD) % FIELD;

	for (; at + FIELD <= to; at += FIELD)
		write_upper_first(out + (at - from), little_u32(out + (at - from)));
}

/* Reads [from, to) of the old file, which are inside it. Only the section that they begin in is
 * looked into. */
static void read_meaning(const Predictor *predictor, uint64_t from, uint64_t to, uint8_t *out)
{
	const ElfImage *old = &predictor->old;
	const ElfSection *section = elf_at_offset(old, from);
	Meaning meaning = {predictor, from, to, out};

	memcpy(out, old->bytes.data + from, (size_t)(to - from));
	if (!section || !elf_is_code(section))
		return;
	if (section->offset + section->size < to)
		meaning.to = section->offset + section->size;
	finder_visit(&predictor->finder, section, from, meaning.to, replace, &meaning);
	if (old->machine == ELF_AARCH64)
		turn(section, from, meaning.to, out);
}

/* ---- learning ---- */

static bool is_code_at(const ElfImage *image, uint64_t offset)
{
	const ElfSection *section = elf_at_offset(image, offset);

	return section && elf_is_code(section);
}

static uint64_t instruction_at(const Predictor *predictor, uint64_t offset)
{
	const ElfSection *section = elf_at_offset(&predictor->old, offset);

	return section ? finder_instruction(&predictor->finder, section, offset) : offset;
}

static void hint(const Syntax *syntax, bool code, LiteralHints *ret)
{
	if (code)
		syntax_hints(syntax, ret);
	else
		*ret = (LiteralHints){};
}

static void learn_range(Insertion *insertion, uint64_t from, uint64_t to)
{
	const Predictor *predictor = insertion->predictor;
	uint8_t bytes[2 * (LEARN + PIECE) + INSTRUCTION_MAX];
	Syntax syntax;
	bool code;

	from = instruction_at(predictor, from);
	code = is_code_at(&predictor->old, from);
	read_meaning(predictor, from, to, bytes);
	syntax_start(&syntax, predictor->old.machine);
	for (size_t i = 0; i < to - from; i++) {
		LiteralHints hints;

		hint(&syntax, code, &hints);
		literal_learn(insertion->model, &hints, bytes[i]);
		syntax_put(&syntax, bytes[i]);
	}
}

/* Notes that a piece is learnt. Returns whether it already was. */
static bool is_learnt(Insertion *insertion, uint64_t piece)
{
	uint8_t bit = (uint8_t)(1 << piece % 8), *byte = &insertion->learnt[piece / 8];
	bool was = *byte & bit;

	*byte |= bit;
	return was;
}

/* New code is like what stands around it. */
static void learn_around(Insertion *insertion)
{
	uint64_t beside = insertion->beside, size = insertion->predictor->old.bytes.size;
	uint64_t from = (beside > LEARN ? beside - LEARN : 0) / PIECE, start;
	uint64_t to = ((size - beside > LEARN ? beside + LEARN : size) + PIECE - 1) / PIECE;

	while (from < to) {
		if (is_learnt(insertion, from++))
			continue;
		start = from - 1;
		while (from < to && !is_learnt(insertion, from))
			from++;
		learn_range(insertion, start * PIECE, from * PIECE < size ? from * PIECE : size);
	}
}

/* Takes in how the copy before the run ended. */
static void follow_copy(Insertion *insertion)
{
	const Predictor *predictor = insertion->predictor;
	uint64_t beside = insertion->beside, start;
	size_t read = beside < BEFORE ? (size_t)beside : BEFORE, kept = read < 8 ? read : 8;
	uint8_t bytes[BEFORE];

	read_meaning(predictor, beside - read, beside, bytes);
	literal_model_follow(insertion->model, bytes + read - kept, kept);
	syntax_start(&insertion->syntax, predictor->old.machine);
	if (beside == 0 || !is_code_at(&predictor->old, beside - 1))
		return;
	start = instruction_at(predictor, beside - 1);
	read_meaning(predictor, start, beside, bytes);
	for (size_t i = 0; i < beside - start; i++)
		syntax_put(&insertion->syntax, bytes[i]);
}

/* ---- coding ---- */

/* Where a byte of the new file is in code, or 0. */
static uint64_t code_address(const Layout *layout, uint64_t offset)
{
	for (size_t i = 0; i < layout->old->count; i++) {
		const ElfSection *section = &layout->sections[i];

		if (elf_is_code(section) && offset - section->offset < section->size)
			return section->address + (offset - section->offset);
	}
	return 0;
}

/* Reads what stands beside the next bytes of a run that has `size` more. */
static void fill_window(Insertion *insertion, size_t size)
{
	const Predictor *predictor = insertion->predictor;
	uint64_t beside = insertion->beside, old = predictor->old.bytes.size;
	uint64_t left = beside < old ? old - beside : 0;
	size_t wanted = (size < WINDOW ? size : WINDOW) + FIELD;

	if (left > wanted)
		left = wanted;
	memset(insertion->window, 0, sizeof(insertion->window));
	if (left > 0)
		read_meaning(predictor, beside, beside + left, insertion->window);
	insertion->at = 0;
}

static void code_bytes(Insertion *insertion, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		LiteralHints hints;

		hint(&insertion->syntax, insertion->address != 0, &hints);
		bytes[i] = literal_code(insertion->model, insertion->coder,
			insertion->window[insertion->at + i], &hints, bytes[i]);
		syntax_put(&insertion->syntax, bytes[i]);
	}
}

/* Four bytes that hold an address relative to `end`, as that address. */
static void code_target(Insertion *insertion, uint32_t end, uint8_t *bytes)
{
	uint8_t target[FIELD];

	write_upper_first(target, end + little_u32(bytes));
	code_bytes(insertion, target, FIELD);
	little_write(bytes, FIELD, read_upper_first(target) - end);
}

static void code_word(Insertion *insertion, uint8_t *bytes)
{
	uint64_t address = insertion->address;
	uint8_t word[FIELD];

	write_upper_first(word, aarch64_absolute(little_u32(bytes), address));
	code_bytes(insertion, word, FIELD);
	little_write(bytes, FIELD, aarch64_relative(read_upper_first(word), address));
}

/* Codes what comes next of a run of which `left` bytes are left. Returns how many bytes that is. */
static size_t code_next(Insertion *insertion, uint8_t *bytes, size_t left)
{
	const Syntax *syntax = &insertion->syntax;
	unsigned ahead = syntax_field(syntax);

	if (insertion->address != 0 && left >= FIELD) {
		if (ahead > 0) {
			code_target(insertion, (uint32_t)(insertion->address + ahead), bytes);
			return FIELD;
		}
		if (syntax->machine == ELF_AARCH64 && syntax->size == 0 &&
			insertion->address % FIELD == 0) {
			code_word(insertion, bytes);
			return FIELD;
		}
	}
	code_bytes(insertion, bytes, 1);
	return 1;
}

/* A run at `target` in the new file. */
static void code_run(
	Insertion *insertion, uint8_t *bytes, size_t size, uint64_t target, uint64_t beside)
{
	if (size == 0)
		return;
	insertion->beside = beside;
	insertion->address = code_address(&insertion->predictor->layout, target);
	learn_around(insertion);
	follow_copy(insertion);
	insertion->at = WINDOW;
	for (size_t done = 0; done < size;) {
		size_t step;

		if (insertion->at >= WINDOW)
			fill_window(insertion, size - done);
		step = code_next(insertion, bytes + done, size - done);
		done += step;
		insertion->beside += step;
		insertion->at += step;
		if (insertion->address != 0)
			insertion->address += step;
	}
}

static int prepare(Insertion *insertion, bool decodes)
{
	Predictor *predictor = insertion->predictor;

	insertion->learnt = memory_new(predictor->old.bytes.size / PIECE / 8 + 1);
	if (!insertion->learnt)
		return -ENOMEM;
	if (decodes) {
		predictor->literals = memory_new(predictor->literal_count);
		if (!predictor->literals)
			return -ENOMEM;
	}
	return predictor_map_copies(predictor);
}

static Insertion *insertion_free(Insertion *insertion)
{
	if (insertion)
		memory_free(insertion->learnt);
	memory_free(insertion);
	return NULL;
}
DEFINE_CLEANUP(Insertion *, insertion_free)

int insertions_code(LiteralModel *model, Coder *coder, Predictor *predictor)
{
	_cleanup_(insertion_freep) Insertion *insertion = memory_new(sizeof(*insertion));
	size_t done = 0;
	uint64_t target = 0, beside = 0;
	int r;

	if (!insertion)
		return -ENOMEM;
	*insertion = (Insertion){.model = model, .coder = coder, .predictor = predictor};
	r = prepare(insertion, coder_decodes(coder));
	if (r < 0)
		return r;
	for (size_t i = 0; i < predictor->block_count; i++) {
		const Block *block = &predictor->blocks[i];

		code_run(insertion, predictor->literals + done, (size_t)block->literals - done,
			target, beside);
		done = (size_t)block->literals;
		target = block->target + block->size;
		beside = block->old + block->size;
	}
	code_run(insertion, predictor->literals + done, predictor->literal_count - done, target,
		beside);
	return 0;
}
