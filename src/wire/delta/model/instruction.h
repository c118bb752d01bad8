/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Instruction: how long an x86-64 instruction is, and whether it holds an address relative to its
 * end. Nothing else is known of it. Part of the format: doc/format/delta.md has the same tables.
 */
#include <stddef.h>
#include <stdint.h>

#define INSTRUCTION_MAX 15

typedef enum InstructionKind {
	INSTRUCTION_PLAIN,
	INSTRUCTION_BRANCH,   /* 32 bits, added to the address of the next instruction */
	INSTRUCTION_RELATIVE, /* likewise, of data: RIP + disp32 */
} InstructionKind;

typedef struct Instruction {
	uint8_t length;    /* 1 where the bytes are no instruction */
	uint8_t field;     /* where the 32 bits stand; 0: there are none */
	uint8_t opcode;    /* where the opcode stands, its last byte */
	uint8_t modrm;     /* where ModRM stands; 0: there is none */
	uint8_t immediate; /* where immediates begin; `length`: there are none */
	InstructionKind kind;
} Instruction;

/* What a byte of an instruction is for. */
typedef enum InstructionPart {
	INSTRUCTION_PREFIX, /* and all of an opcode but its last byte */
	INSTRUCTION_OPCODE,
	INSTRUCTION_MODRM,
	INSTRUCTION_SIB,
	INSTRUCTION_DISPLACEMENT,
	INSTRUCTION_IMMEDIATE,
	_INSTRUCTION_PART_MAX,
} InstructionPart;

/* `at` is below the length, or of an instruction cut short: what the next byte will be for. */
InstructionPart instruction_part(const Instruction *instruction, const uint8_t *code, unsigned at);

/* `size` > 0 bytes are left; an instruction that they cut short is one of a single byte. */
void instruction_read(const uint8_t *code, size_t size, Instruction *ret);
