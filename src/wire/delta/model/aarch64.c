/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/aarch64.h"

#include "wire/delta/model/little.h"

#define PAGE_BITS 12
/* Branches within a function; what is farther is mostly data that was taken for code. */
#define NEAR_MAX 32768
/* Instructions after an adrp that are looked at for its first use. */
#define AHEAD_MAX 64
/* Registers 0 to 18: a call need not keep them, a function does not get an address in them. */
#define CALL_REGISTERS UINT32_C(0x7ffff)

/* What an instruction does, by its upper eight bits. */
enum {
	W = 1,   /* writes the register in bits 0 to 4; or, for stores, has not one that matters */
	J = 2,   /* 26 bits: b, bl */
	C = 4,   /* 19 bits: b.cond, cbz, cbnz, ldr */
	T = 8,   /* 14 bits: tbz, tbnz */
	N = 16,  /* adr */
	P = 32,  /* adrp */
	A = 64,  /* add of 64 bits */
	M = 128, /* loads and stores with a base and a number of 12 bits */
};

static const uint8_t forms[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* 00 */
	N, W, W, W, J, J, J, J, C | W, W, W, W, C, 0, 0, 0,     /* 10 */
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* 20 */
	N, W, W, W, C, C, T, T, W, M | W, W, W, 0, M, 0, 0,     /* 30 */
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* 40 */
	N, W, W, W, C, 0, 0, 0, C | W, W, W, W, C, 0, 0, 0,     /* 50 */
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* 60 */
	N, W, W, W, 0, 0, 0, 0, W, M | W, W, W, 0, M, 0, 0,     /* 70 */
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* 80 */
	P, A | W, W, W, J, J, J, J, C | W, W, W, W, C, 0, 0, 0, /* 90 */
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* a0 */
	P, W, W, W, C, C, T, T, W, M | W, W, W, 0, M, 0, 0,     /* b0 */
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* c0 */
	P, W, W, W, 0, 0, 0, 0, C, W, W, W, 0, 0, 0, 0,         /* d0 */
	0, 0, 0, 0, 0, 0, 0, 0, W, W, W, W, 0, 0, 0, 0,         /* e0 */
	P, W, W, W, 0, 0, 0, 0, W, M | W, W, W, 0, M, 0, 0,     /* f0 */
};

/* The pages that registers have by adrp. */
typedef struct Pages {
	uint32_t known;  /* a bit for each register */
	uint64_t at[32]; /* the offset of the adrp */
	uint64_t page[32];
} Pages;

static uint8_t form_of(uint32_t word)
{
	uint8_t form = forms[word >> 24];

	/* A shifted number, or another instruction. */
	return form & A && word & UINT32_C(0x00c00000) ? W : form;
}

static unsigned base_of(uint32_t word)
{
	return word >> 5 & 31;
}

/* The registers that do not have their page afterwards, as bits. */
static uint32_t written_by(uint32_t word, uint8_t form)
{
	uint32_t registers = 0;

	if (form & (W | N | P))
		registers = UINT32_C(1) << (word & 31);
	if ((word & UINT32_C(0x3e000000)) == UINT32_C(0x28000000)) /* ldp, stp */
		registers |= UINT32_C(1) << (word >> 10 & 31);
	else if (word >> 26 == 0x25 || word >> 25 == 0x6b) /* bl; blr, br, ret */
		registers = CALL_REGISTERS;
	return registers;
}

static unsigned scale_of(uint32_t word)
{
	if (forms[word >> 24] & A)
		return 0;
	/* Vectors of 128 bits. */
	if ((word & UINT32_C(0xff800000)) == UINT32_C(0x3d800000))
		return 4;
	return word >> 30;
}

static uint64_t low_of(uint32_t word)
{
	return (uint64_t)(word >> 10 & 0xfff) << scale_of(word);
}

/* The lowest `width` bits as a two's complement number, modulo 2^64. */
static uint64_t extend(uint32_t number, unsigned width)
{
	uint64_t sign = UINT64_C(1) << (width - 1);

	return ((number & (2 * sign - 1)) ^ sign) - sign;
}

/* The number of an adr or adrp. */
static uint64_t split_of(uint32_t word)
{
	return extend((word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3), 21);
}

static uint64_t page_of(uint32_t word, uint64_t place)
{
	return ((place >> PAGE_BITS) + split_of(word)) << PAGE_BITS;
}

/* The first page may begin before what is loaded, the last end behind it. */
static bool is_page_in_range(const ElfImage *image, uint64_t page)
{
	return page <= image->high && page + ((1 << PAGE_BITS) - 1) >= image->low;
}

/* What an adrp points at: its first use tells, here or where a jump leads. */
static uint64_t target_of(const Visit *visit, uint64_t at, uint32_t adrp, uint64_t page)
{
	const ElfSection *section = visit->section;
	uint64_t next = at - section->offset + 4;

	for (unsigned i = 0; i < AHEAD_MAX; i++) {
		uint32_t word;
		uint8_t form;

		if (next > section->size || section->size - next < 4)
			break;
		word = little_u32(visit->bytes + section->offset + next);
		form = form_of(word);
		if (form & (A | M) && base_of(word) == (adrp & 31))
			return page + low_of(word);
		if (written_by(word, form) >> (adrp & 31) & 1)
			break;
		next += word >> 26 == 5 ? 4 * extend(word, 26) : 4;
	}
	return page;
}

static void visit_jump(const Visit *visit, uint64_t at, uint32_t word)
{
	uint64_t place = visit_address(visit->section, at), target = place + 4 * extend(word, 26);

	if (elf_in_range(visit->image, target))
		visit_tell(visit, at, REFERENCE_JUMP, place, target);
}

static void visit_near(const Visit *visit, uint64_t at, uint32_t word, uint8_t form)
{
	uint64_t place = visit_address(visit->section, at), distance;
	ReferenceKind kind = REFERENCE_NEAR;

	if (form & C) {
		kind = REFERENCE_CONDITION;
		distance = 4 * extend(word >> 5, 19);
	} else if (form & T) {
		kind = REFERENCE_TEST;
		distance = 4 * extend(word >> 5, 14);
	} else {
		distance = split_of(word);
	}
	if (distance + NEAR_MAX < 2 * NEAR_MAX && elf_in_range(visit->image, place + distance))
		visit_tell(visit, at, kind, place, place + distance);
}

static void visit_page(const Visit *visit, uint64_t at, uint32_t word)
{
	uint64_t place = visit_address(visit->section, at), page = page_of(word, place);

	if (is_page_in_range(visit->image, page))
		visit_tell(visit, at, REFERENCE_PAGE, place, target_of(visit, at, word, page));
}

static void visit_word(
	const Visit *visit, uint64_t at, uint32_t word, uint8_t form, const Pages *pages)
{
	unsigned base = base_of(word);

	if (form & J)
		visit_jump(visit, at, word);
	else if (form & (C | T | N))
		visit_near(visit, at, word, form);
	else if (form & P)
		visit_page(visit, at, word);
	else if (form & (A | M) && pages->known >> base & 1 &&
		at - pages->at[base] <= AARCH64_REACH)
		visit_tell(visit, at, REFERENCE_LOW, 0, pages->page[base] + low_of(word));
	else if ((word & UINT32_C(0x7f800000)) == UINT32_C(0x52800000)) /* movz */
		visit_tell(visit, at, REFERENCE_NUMBER, 0, 0);
}

static void note_page(const Visit *visit, uint64_t at, uint32_t word, Pages *pages)
{
	uint64_t page = page_of(word, visit_address(visit->section, at));

	if (!is_page_in_range(visit->image, page))
		return;
	pages->known |= UINT32_C(1) << (word & 31);
	pages->at[word & 31] = at;
	pages->page[word & 31] = page;
}

void aarch64_visit(const Visit *visit)
{
	uint64_t start = visit->section->offset, at = visit->from - start;
	Pages pages = {.known = 0};

	at = start + (at > AARCH64_REACH ? at - AARCH64_REACH : 0) / 4 * 4;
	for (; at < visit->to && visit->end - at >= 4; at += 4) {
		uint32_t word = little_u32(visit->bytes + at);
		uint8_t form = form_of(word);

		if (at >= visit->from)
			visit_word(visit, at, word, form, &pages);
		pages.known &= ~written_by(word, form);
		if (form & P)
			note_page(visit, at, word, &pages);
	}
}

unsigned aarch64_width(ReferenceKind kind)
{
	switch (kind) {
	case REFERENCE_JUMP: return 26;
	case REFERENCE_CONDITION: return 19;
	case REFERENCE_TEST: return 14;
	case REFERENCE_LOW: return 12;
	default: return 21;
	}
}

static uint32_t put_bits(uint32_t word, unsigned at, unsigned width, uint64_t number)
{
	uint32_t mask = (UINT32_C(1) << width) - 1;

	return (word & ~(mask << at)) | ((uint32_t)number & mask) << at;
}

uint32_t aarch64_put(ReferenceKind kind, uint32_t word, uint64_t number)
{
	unsigned width = aarch64_width(kind);

	switch (kind) {
	case REFERENCE_JUMP: return put_bits(word, 0, width, number);
	case REFERENCE_CONDITION:
	case REFERENCE_TEST: return put_bits(word, 5, width, number);
	case REFERENCE_LOW: return put_bits(word, 10, width, number);
	case REFERENCE_NEAR:
	case REFERENCE_PAGE:
		return put_bits(put_bits(word, 5, width - 2, number >> 2), 29, 2, number);
	default: return word;
	}
}

uint32_t aarch64_point(ReferenceKind kind, uint32_t word, uint64_t place, uint64_t target)
{
	uint64_t number = target - place;

	if (kind == REFERENCE_PAGE)
		number = (target >> PAGE_BITS) - (place >> PAGE_BITS);
	else if (kind == REFERENCE_LOW)
		number = (target & 0xfff) >> scale_of(word);
	else if (kind != REFERENCE_NEAR)
		number >>= 2;
	return aarch64_put(kind, word, number);
}

static uint32_t shift_target(uint32_t word, uint64_t place, bool back)
{
	if (form_of(word) & J) {
		place >>= 2;
		return aarch64_put(REFERENCE_JUMP, word, back ? word - place : word + place);
	}
	if (form_of(word) & P) {
		place >>= PAGE_BITS;
		return aarch64_put(REFERENCE_PAGE, word,
			back ? split_of(word) - place : split_of(word) + place);
	}
	return word;
}

uint32_t aarch64_absolute(uint32_t word, uint64_t place)
{
	return shift_target(word, place, false);
}

uint32_t aarch64_relative(uint32_t word, uint64_t place)
{
	return shift_target(word, place, true);
}
