/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Finder: where in an executable the addresses, indices and sizes stand that change when its parts
 * move. Both sides look into the old file only, so no list of them is sent.
 *
 *     _cleanup_(finder_done) Finder finder = {};
 *     r = finder_init(&finder, &image);
 *     finder_visit(&finder, section, from, to, visit, userdata);
 *
 * finder_init() walks over code and unwind tables once. It keeps, for every FINDER_COVER bytes of
 * the file, the instruction or record there, so that a visit can start anywhere, and the jump
 * tables; at most 4 bytes per KiB of the file and 8 bytes for each of FINDER_TABLES_MAX tables.
 * Relocated words are a bit for each 8 bytes from the first of them to the last. Time is linear in
 * what is walked over. What is wrong in a file gives other references, never an error.
 */
#include "wire/delta/model/elf.h"

#define FINDER_COVER      1024
#define FINDER_TABLES_MAX ((size_t)1 << 18)

typedef enum ReferenceKind {
	REFERENCE_BRANCH,  /* target - base; base: the end of the instruction */
	REFERENCE_DATA,    /* likewise */
	REFERENCE_TABLE,   /* target - base; base: an address of its own (jump tables, names) */
	REFERENCE_PC,      /* target - base; base: the place itself */
	REFERENCE_LENGTH,  /* end - base, 4 bytes */
	REFERENCE_CIE,     /* base - target; base: the place itself */
	REFERENCE_SYMBOL,  /* the target-th symbol */
	REFERENCE_SLOT,    /* the target-th entry of .rela.plt */
	REFERENCE_ADDRESS, /* target, 8 bytes from here on */
	REFERENCE_ADDEND,  /* target */
	REFERENCE_SIZE,    /* end - base */
	REFERENCE_OFFSET,  /* in the file */
	REFERENCE_SECTION_ADDRESS, /* of the target-th section */
	REFERENCE_SECTION_OFFSET,
	REFERENCE_SECTION_SIZE,
	/* AArch64: 4 bytes, an instruction of which a field says it; base: its place */
	REFERENCE_JUMP,      /* target - base, 26 bits: b, bl */
	REFERENCE_CONDITION, /* likewise, 19 bits: b.cond, cbz, cbnz, ldr */
	REFERENCE_TEST,      /* likewise, 14 bits: tbz, tbnz */
	REFERENCE_NEAR,      /* target - base in bytes: adr */
	REFERENCE_PAGE,      /* the same of their pages: adrp */
	REFERENCE_LOW,       /* where in its page the target is: add, loads, stores */
	REFERENCE_NUMBER,    /* nothing: movz, whose number changes as a whole */
	_REFERENCE_KIND_MAX,
} ReferenceKind;

typedef struct Reference {
	uint32_t offset; /* of its lowest byte in the file */
	ReferenceKind kind;
	uint64_t base, target;
} Reference;

static inline unsigned reference_size(ReferenceKind kind)
{
	return kind < REFERENCE_ADDRESS || kind >= REFERENCE_JUMP ? 4 : 8;
}

typedef struct JumpTable {
	uint32_t offset, count;
} JumpTable;

typedef struct Finder {
	const ElfImage *image;
	uint32_t *covers;  /* of each FINDER_COVER bytes: the start of what covers their first */
	JumpTable *tables; /* by offset, not overlapping */
	size_t table_count;
	uint8_t *words; /* a bit for each 8 bytes from the first that is relocated to the last: is
			   it */
	uint64_t words_from, words_to; /* as offsets in the file divided by 8 */
} Finder;

/* The start of what covers a byte of the section, or a byte before it; and that [start, end) is one
 * thing. */
uint64_t finder_cover_of(const Finder *finder, const ElfSection *section, uint64_t offset);
void finder_cover(Finder *finder, uint64_t start, uint64_t end);

int finder_init(Finder *finder, const ElfImage *image); /* 0 or -ENOMEM */
void finder_done(Finder *finder);

/* Tells the references of a section that start in [from, to), which lies inside the section's
 * bytes, by rising offset and without overlaps. Each lies inside the section. */
typedef void (*FinderVisit)(void *userdata, const Reference *reference);
void finder_visit(const Finder *finder, const ElfSection *section, uint64_t from, uint64_t to,
	FinderVisit visit, void *userdata);

/* What a byte of x86-64 code is for; all 0 elsewhere. */
typedef struct CodePlace {
	uint8_t part;   /* 1 plus InstructionPart */
	uint8_t opcode; /* of its instruction, the last byte */
} CodePlace;

/* Tells it of the section's bytes in [from, to), in order. */
typedef void (*FinderPlaceVisit)(void *userdata, uint64_t offset, CodePlace place);
void finder_visit_places(const Finder *finder, const ElfSection *section, uint64_t from,
	uint64_t to, FinderPlaceVisit visit, void *userdata);

/* Where the instruction starts that a byte of the section belongs to; the offset itself where that
 * is not code. */
uint64_t finder_instruction(const Finder *finder, const ElfSection *section, uint64_t offset);
