/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/aarch64.h"

#include "wire/delta/model/little.h"

#define PAGE_BITS 12

/* What an instruction does, by its upper eight bits. */
enum {
	W = 1,   /* writes the register in bits 0 to 4 */
	J = 2,   /* 26 bits: b, bl */
	C = 4,   /* 19 bits: b.cond, cbz, cbnz, ldr */
	T = 8,   /* 14 bits: tbz, tbnz */
	N = 16,  /* adr */
	P = 32,  /* adrp */
	A = 64,  /* add */
	M = 128, /* ldr, str and the like: with a base and a number of 12 bits */
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

/* The pages that adrp gave to registers. */
typedef struct Pages {
	uint32_t known;  /* a bit for each register */
	uint64_t at[32]; /* the offset of the adrp */
	uint64_t page[32];
} Pages;

static uint8_t form_of(uint32_t word)
{
	uint8_t form = forms[word >> 24];

	/* Other instructions have these upper eight bits too. */
	return form & A && word & UINT32_C(0x00c00000) ? W : form;
}

/* The registers that an instruction may write, as bits. */
static uint32_t written_by(uint32_t word, uint8_t form)
{
	uint32_t registers = 0;

	if (form & (W | N | P))
		registers = UINT32_C(1) << (word & 31);
	if ((word & UINT32_C(0x3e000000)) == UINT32_C(0x28000000)) /* ldp */
		registers |= UINT32_C(1) << (word >> 10 & 31);
#ifdef KILLCALL
	if (word >> 26 == 0x25 || (word & UINT32_C(0xfffffc1f)) == UINT32_C(0xd63f0000))
		registers = 0x7ffff;
#endif
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

/* A two's complement number of `width` bits, modulo 2^64. */
static uint64_t extend(uint32_t number, unsigned width)
{
	uint64_t sign = UINT64_C(1) << (width - 1);

	return ((number & (2 * sign - 1)) ^ sign) - sign;
}

static uint32_t near_of(uint32_t word)
{
	return (word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3);
}

static uint64_t page_of(uint32_t word, uint64_t place)
{
	return ((place >> PAGE_BITS) + extend(near_of(word), 21)) << PAGE_BITS;
}

/* What an adrp points at: its first use tells. */
static uint64_t page_target(const Visit *visit, uint64_t at, uint32_t adrp, uint64_t page)
{
	uint64_t to = visit->end - at - 4 < AARCH64_REACH ? visit->end : at + 4 + AARCH64_REACH;
	unsigned base = adrp & 31;

	for (at += 4; to - at >= 4; at += 4) {
		uint32_t word = little_u32(visit->bytes + at);
		uint8_t form = form_of(word);

		if (form & (A | M) && (word >> 5 & 31) == base)
			return page + low_of(word);
		if (written_by(word, form) >> base & 1)
			break;
	}
	return page;
}

static void visit_near(const Visit *visit, uint64_t at, uint32_t word, uint8_t form)
{
	uint64_t place = visit_address(visit->section, at), target;
	ReferenceKind kind;

	if (form & J) {
		kind = REFERENCE_JUMP;
		target = place + 4 * extend(word, 26);
	} else if (form & C) {
		kind = REFERENCE_BRANCH_19;
		target = place + 4 * extend(word >> 5, 19);
	} else if (form & T) {
		kind = REFERENCE_BRANCH_14;
		target = place + 4 * extend(word >> 5, 14);
	} else {
		kind = REFERENCE_NEAR;
		target = place + extend(near_of(word), 21);
	}
	if (elf_in_range(visit->image, target))
		visit_tell(visit, at, kind, place, target);
}

static void visit_word(const Visit *visit, uint64_t at, Pages *pages)
{
	uint32_t word = little_u32(visit->bytes + at), base = word >> 5 & 31;
	uint8_t form = form_of(word);
	uint64_t place;

	if (form == 0)
		return;
	if (form & (J | C | T | N) && at >= visit->from)
		visit_near(visit, at, word, form);
	else if (form & (A | M) && pages->known >> base & 1 &&
		at - pages->at[base] <= AARCH64_REACH && at >= visit->from)
		visit_tell(visit, at, REFERENCE_LOW, 0, pages->page[base] + low_of(word));
	pages->known &= ~written_by(word, form);
	if (!(form & P))
		return;
	place = visit_address(visit->section, at);
	base = word & 31;
	pages->known |= UINT32_C(1) << base;
	pages->at[base] = at;
	pages->page[base] = page_of(word, place);
	if (at >= visit->from && elf_in_range(visit->image, pages->page[base]))
		visit_tell(visit, at, REFERENCE_PAGE, place,
			page_target(visit, at, word, pages->page[base]));
}

void aarch64_visit(const Visit *visit)
{
	uint64_t start = visit->section->offset, at = visit->from - start;
	Pages pages = {.known = 0};

	at = start + (at > AARCH64_REACH ? at - AARCH64_REACH : 0) / 4 * 4;
	for (; at < visit->to && visit->end - at >= 4; at += 4)
		visit_word(visit, at, &pages);
}

unsigned aarch64_width(ReferenceKind kind)
{
	switch (kind) {
	case REFERENCE_JUMP: return 26;
	case REFERENCE_BRANCH_19: return 19;
	case REFERENCE_BRANCH_14: return 14;
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
	case REFERENCE_BRANCH_19:
	case REFERENCE_BRANCH_14: return put_bits(word, 5, width, number);
	case REFERENCE_LOW: return put_bits(word, 10, width, number);
	default: return put_bits(put_bits(word, 5, width - 2, number >> 2), 29, 2, number);
	}
}

uint32_t aarch64_point(ReferenceKind kind, uint32_t word, uint64_t place, uint64_t target)
{
	uint64_t number;

	switch (kind) {
	case REFERENCE_LOW: number = (target & 0xfff) >> scale_of(word); break;
	case REFERENCE_PAGE: number = (target >> PAGE_BITS) - (place >> PAGE_BITS); break;
	case REFERENCE_NEAR: number = target - place; break;
	default: number = (target - place) >> 2; break;
	}
	return aarch64_put(kind, word, number);
}
