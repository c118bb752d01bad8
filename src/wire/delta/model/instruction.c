/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/instruction.h"

#include <stdbool.h>
#include <string.h>

/* What follows an opcode. */
enum {
	M = 1,   /* a ModRM byte and what it asks for */
	B = 2,   /* an immediate of one byte */
	W = 4,   /* of two */
	Z = 8,   /* of four, or of two under prefix 66 without REX.W */
	J = 16,  /* 32 bits relative to the end (Z bits, which are plain, under prefix 66) */
	T = 32,  /* Z or B only if bits 3 … 5 of ModRM are 0 or 1 */
	P = 64,  /* not an opcode: a prefix */
	X = 128, /* treated by name */
};

static const uint8_t one_byte[256] = {
	M, M, M, M, B, Z, X, X, M, M, M, M, B, Z, X, X,                     /* 00 */
	M, M, M, M, B, Z, X, X, M, M, M, M, B, Z, X, X,                     /* 10 */
	M, M, M, M, B, Z, P, X, M, M, M, M, B, Z, P, X,                     /* 20 */
	M, M, M, M, B, Z, P, X, M, M, M, M, B, Z, P, X,                     /* 30 */
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,                     /* 40 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                     /* 50 */
	X, X, X, M, P, P, P, P, Z, M | Z, B, M | B, 0, 0, 0, 0,             /* 60 */
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,                     /* 70 */
	M | B, M | Z, X, M | B, M, M, M, M, M, M, M, M, M, M, M, M,         /* 80 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, X, 0, 0, 0, 0, 0,                     /* 90 */
	X, X, X, X, 0, 0, 0, 0, B, Z, 0, 0, 0, 0, 0, 0,                     /* a0 */
	B, B, B, B, B, B, B, B, X, X, X, X, X, X, X, X,                     /* b0 */
	M | B, M | B, W, 0, X, X, M | B, M | Z, W | B, 0, W, 0, 0, B, X, 0, /* c0 */
	M, M, M, M, X, X, X, 0, M, M, M, M, M, M, M, M,                     /* d0 */
	B, B, B, B, B, B, B, B, J, J, X, B, 0, 0, 0, 0,                     /* e0 */
	P, 0, P, P, 0, 0, M | T | B, M | T | Z, 0, 0, 0, 0, 0, 0, M, M,     /* f0 */
};

/* Behind 0f. */
static const uint8_t two_byte[256] = {
	M, M, M, M, X, 0, 0, 0, 0, 0, X, 0, X, M, 0, M | B,             /* 00 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* 10 */
	M, M, M, M, X, X, X, X, M, M, M, M, M, M, M, M,                 /* 20 */
	0, 0, 0, 0, 0, 0, X, 0, X, X, X, X, X, X, X, X,                 /* 30 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* 40 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* 50 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* 60 */
	M | B, M | B, M | B, M | B, M, M, M, 0, M, M, X, X, M, M, M, M, /* 70 */
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,                 /* 80 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* 90 */
	0, 0, 0, M, M | B, M, M, M, 0, 0, 0, M, M | B, M, M, M,         /* a0 */
	M, M, M, M, M, M, M, M, M, M, M | B, M, M, M, M, M,             /* b0 */
	M, M, M | B, M, M | B, M | B, M | B, M, 0, 0, 0, 0, 0, 0, 0, 0, /* c0 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* d0 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* e0 */
	M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,                 /* f0 */
};

/* An instruction being read; the bytes reach far enough for the longest. */
typedef struct Reading {
	const uint8_t *code;
	unsigned at;
	bool narrow, wide, short_address; /* prefixes 66 and 67, REX.W */
	unsigned extra;                   /* bytes of immediates that no flag names */
} Reading;

#define READABLE (2 * INSTRUCTION_MAX + 2)

static void read_prefixes(Reading *reading)
{
	while (one_byte[reading->code[reading->at]] == P && reading->at < INSTRUCTION_MAX - 4) {
		uint8_t prefix = reading->code[reading->at++];

		reading->narrow |= prefix == 0x66;
		reading->short_address |= prefix == 0x67;
	}
	if ((reading->code[reading->at] & 0xf0) == 0x40)
		reading->wide = reading->code[reading->at++] & 8;
}

/* Behind 0f, VEX or EVEX: map 1 … 6 of opcodes. */
static unsigned read_map(Reading *reading, unsigned map, bool vex)
{
	uint8_t opcode = reading->code[reading->at++];

	if (map == 3)
		return M | B;
	if (map != 1)
		return map == 2 || map == 5 || map == 6 ? M : X;
	if (vex)
		return opcode == 0x77 ? 0 : M | (two_byte[opcode] & B);
	return two_byte[opcode];
}

static unsigned read_escape(Reading *reading)
{
	uint8_t next = reading->code[reading->at];

	if (next == 0x38 || next == 0x3a) {
		reading->at++;
		return read_map(reading, next == 0x38 ? 2 : 3, false);
	}
	return read_map(reading, 1, false);
}

/* The opcodes marked X in the first table. */
static unsigned read_special(Reading *reading, uint8_t opcode)
{
	unsigned map;

	if (opcode == 0x0f)
		return read_escape(reading);
	if (opcode >= 0xb8 && opcode <= 0xbf) {
		reading->extra = reading->wide ? 8 : reading->narrow ? 2 : 4;
		return 0;
	}
	if (opcode >= 0xa0 && opcode <= 0xa3) {
		reading->extra = reading->short_address ? 4 : 8;
		return 0;
	}
	if (opcode == 0xc5) {
		reading->at++;
		return read_map(reading, 1, true);
	}
	if (opcode != 0xc4 && opcode != 0x62)
		return X;
	map = reading->code[reading->at] & (opcode == 0xc4 ? 31 : 7);
	reading->at += opcode == 0xc4 ? 2 : 3;
	return read_map(reading, map, true);
}

/* Returns where a displacement relative to the instruction's end stands, or 0. */
static unsigned read_modrm(Reading *reading)
{
	uint8_t modrm = reading->code[reading->at++];
	unsigned mode = modrm >> 6, base = modrm & 7, field = 0;

	if (mode == 3)
		return 0;
	if (base == 4)
		base = reading->code[reading->at++] & 7;
	else if (mode == 0 && base == 5)
		field = reading->at;
	if (mode == 1)
		reading->at += 1;
	else if (mode == 2 || base == 5)
		reading->at += 4;
	return field;
}

static unsigned immediate_size(const Reading *reading, unsigned flags)
{
	unsigned size = reading->extra + (flags & B ? 1 : 0) + (flags & W ? 2 : 0);

	if (flags & Z)
		size += reading->narrow && !reading->wide ? 2 : 4;
	return size;
}

static void read_whole(const uint8_t *code, Instruction *ret)
{
	Reading reading = {.code = code};
	unsigned flags, field = 0, opcode;
	InstructionKind kind = INSTRUCTION_PLAIN;
	unsigned modrm = 0, immediate;

	read_prefixes(&reading);
	opcode = reading.at;
	flags = one_byte[code[reading.at++]];
	if (flags == X)
		flags = read_special(&reading, code[opcode]);
	*ret = (Instruction){.length = 1};
	if (flags & (X | P))
		return;
	opcode = reading.at - 1;
	if (flags & J) {
		flags = Z;
		if (!reading.narrow || reading.wide) {
			field = reading.at;
			kind = INSTRUCTION_BRANCH;
		}
	}
	if (flags & T && (code[reading.at] >> 3 & 7) > 1)
		flags = M;
	if (flags & M) {
		modrm = reading.at;
		field = read_modrm(&reading);
		kind = field > 0 ? INSTRUCTION_RELATIVE : INSTRUCTION_PLAIN;
	}
	immediate = reading.at;
	reading.at += immediate_size(&reading, flags);
	if (reading.at <= INSTRUCTION_MAX)
		*ret = (Instruction){.length = (uint8_t)reading.at,
			.field = (uint8_t)field,
			.opcode = (uint8_t)opcode,
			.modrm = (uint8_t)modrm,
			.immediate = (uint8_t)immediate,
			.kind = kind};
}

InstructionPart instruction_part(const Instruction *instruction, const uint8_t *code, unsigned at)
{
	if (at <= instruction->opcode)
		return at < instruction->opcode ? INSTRUCTION_PREFIX : INSTRUCTION_OPCODE;
	if (at >= instruction->immediate)
		return INSTRUCTION_IMMEDIATE;
	if (at == instruction->modrm)
		return INSTRUCTION_MODRM;
	if (at == instruction->modrm + 1U && code[at - 1] < 0xc0 && (code[at - 1] & 7) == 4)
		return INSTRUCTION_SIB;
	return INSTRUCTION_DISPLACEMENT;
}

void instruction_read(const uint8_t *code, size_t size, Instruction *ret)
{
	uint8_t last[2 * READABLE] = {0};

	if (size >= READABLE) {
		read_whole(code, ret);
		return;
	}
	memcpy(last, code, size);
	read_whole(last, ret);
	if (ret->length > size)
		*ret = (Instruction){.length = 1};
}
