/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Syntax: follows new code byte by byte and says what may be known of the next byte from where in
 * an instruction it stands.
 *
 *     syntax_start(&syntax, machine);
 *     syntax_hints(&syntax, &hints);
 *     syntax_put(&syntax, byte);
 *
 * A64 instructions are to be put from their upper byte down, where their opcode is.
 */
#include "wire/delta/model/elf.h"
#include "wire/delta/model/instruction.h"
#include "wire/delta/model/literal.h"

typedef struct Syntax {
	ElfMachine machine;
	uint8_t bytes[3 * INSTRUCTION_MAX]; /* of the instruction so far, then zeros */
	unsigned size;
	Instruction instruction; /* as far as it is known; x86-64 only */
	uint32_t before;         /* the instruction before, hashed */
	uint32_t opcodes;        /* of the last four, the latest lowest */
} Syntax;

void syntax_start(Syntax *syntax, ElfMachine machine);
void syntax_put(Syntax *syntax, uint8_t byte);
void syntax_hints(const Syntax *syntax, LiteralHints *ret);

/* How many bytes on the x86-64 instruction ends, if the next byte is the first of four that hold an
 * address relative to that end; else 0. */
unsigned syntax_field(const Syntax *syntax);
