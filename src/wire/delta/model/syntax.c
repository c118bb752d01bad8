/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/syntax.h"

#include <string.h>

#define PRIME    UINT32_C(0x9e3779b1)
#define A64_SIZE 4

_Static_assert(_INSTRUCTION_PART_MAX + 2 <= LITERAL_SETS, "a set of weights for each part");

static uint32_t mix(uint32_t hash, uint32_t value)
{
	hash = (hash ^ value) * PRIME;
	return hash ^ hash >> 15;
}

static void read_instruction(Syntax *syntax)
{
	if (syntax->machine == ELF_AARCH64)
		syntax->instruction = (Instruction){.length = A64_SIZE};
	else
		instruction_read(syntax->bytes, sizeof(syntax->bytes), &syntax->instruction);
}

void syntax_start(Syntax *syntax, ElfMachine machine)
{
	*syntax = (Syntax){.machine = machine};
	read_instruction(syntax);
}

/* An instruction is complete: it becomes the one before. Addresses in it do not count. */
static void finish(Syntax *syntax)
{
	const Instruction *done = &syntax->instruction;
	uint32_t hash = 0;

	for (unsigned i = 0; i < done->length; i++)
		if (done->field == 0 || i < done->field || i >= done->field + 4U)
			hash = mix(hash, syntax->bytes[i] + 1U);
	syntax->before = hash;
	syntax->opcodes = syntax->opcodes << 8 | syntax->bytes[done->opcode];
	syntax->size -= done->length;
	memmove(syntax->bytes, syntax->bytes + done->length, syntax->size);
	memset(syntax->bytes + syntax->size, 0, sizeof(syntax->bytes) - syntax->size);
	read_instruction(syntax);
}

void syntax_put(Syntax *syntax, uint8_t byte)
{
	syntax->bytes[syntax->size++] = byte;
	read_instruction(syntax);
	while (syntax->size >= syntax->instruction.length)
		finish(syntax);
}

unsigned syntax_field(const Syntax *syntax)
{
	const Instruction *instruction = &syntax->instruction;

	return instruction->field > 0 && instruction->field == syntax->size
		? instruction->length - syntax->size
		: 0;
}

/* What the next byte is for: 1 plus an InstructionPart, or the first, or which of an A64 one. */
static unsigned next_part(const Syntax *syntax)
{
	if (syntax->machine == ELF_AARCH64)
		return 1 + syntax->size;
	if (syntax->size == 0)
		return 1 + _INSTRUCTION_PART_MAX;
	return 1 + instruction_part(&syntax->instruction, syntax->bytes, syntax->size);
}

/* The opcode plus 1 and, nine bits up, ModRM plus 1, as far as they are there. */
static uint32_t known_of(const Syntax *syntax)
{
	const Instruction *instruction = &syntax->instruction;
	uint32_t known = 0;

	if (syntax->size > instruction->opcode)
		known = syntax->bytes[instruction->opcode] + 1U;
	if (instruction->modrm > 0 && syntax->size > instruction->modrm)
		known |= (syntax->bytes[instruction->modrm] + 1U) << 9;
	return known;
}

void syntax_hints(const Syntax *syntax, LiteralHints *ret)
{
	const Instruction *instruction = &syntax->instruction;
	uint32_t so_far = syntax->size, known = known_of(syntax), part = next_part(syntax);

	ret->set = part;
	if (syntax->machine == ELF_X86_64 && syntax->size > instruction->immediate)
		part |= (syntax->size - instruction->immediate) << 4;
	for (unsigned i = 0; i < syntax->size; i++)
		so_far = mix(so_far, syntax->bytes[i] + 1U);
	ret->contexts[0] = mix(mix(part, known), 1);
	ret->contexts[1] = mix(mix(so_far, syntax->opcodes & 0xff), 2);
	ret->contexts[2] = mix(mix(so_far, syntax->before), 3);
	ret->contexts[3] = mix(mix(mix(part, known & 0x1ff), syntax->opcodes & 0xffffff), 4);
	ret->contexts[4] = mix(so_far, 5);
}
