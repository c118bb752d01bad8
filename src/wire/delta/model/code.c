/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/code.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/instruction.h"
#include "wire/delta/model/little.h"

#define TABLE_LEAST 3 /* entries that must point into code */
#define TABLE_SPREAD                                                                               \
	65536 /* bytes between the targets of a jump table's first and other entries               \
	       */
#define LEA  0x8d
#define PUSH 0x68

static void visit_instruction(const Visit *visit, uint64_t at, const Instruction *instruction)
{
	uint64_t next = visit_address(visit->section, at + instruction->length), target;

	if (instruction->field == 0)
		return;
	target = next + little_s32(visit->bytes + at + instruction->field);
	if (elf_in_range(visit->image, target))
		visit_tell(visit, at + instruction->field,
			instruction->kind == INSTRUCTION_BRANCH ? REFERENCE_BRANCH : REFERENCE_DATA,
			next, target);
}

void code_visit(const Visit *visit)
{
	uint64_t at = finder_cover_of(visit->finder, visit->section, visit->from);

	while (at < visit->to) {
		Instruction instruction;

		instruction_read(visit->bytes + at, (size_t)(visit->end - at), &instruction);
		if (visit->section->role == ELF_PLT && visit->bytes[at] == PUSH &&
			instruction.length == 5)
			visit_tell(visit, at + 1, REFERENCE_SLOT, 0,
				little_u32(visit->bytes + at + 1));
		else
			visit_instruction(visit, at, &instruction);
		at += instruction.length;
	}
}

void code_visit_places(const Finder *finder, const ElfSection *section, uint64_t from, uint64_t to,
	FinderPlaceVisit visit, void *userdata)
{
	uint64_t at = finder_cover_of(finder, section, from), end = section->offset + section->size;
	CodePlace place = {};

	while (at < to) {
		const uint8_t *code = finder->image->bytes.data + at;
		Instruction instruction;

		instruction_read(code, (size_t)(end - at), &instruction);
		place.opcode = code[instruction.opcode];
		for (unsigned i = 0; i < instruction.length; i++) {
			place.part = (uint8_t)(1 + instruction_part(&instruction, code, i));
			if (at + i >= from && at + i < to)
				visit(userdata, at + i, place);
		}
		at += instruction.length;
	}
}

uint64_t code_instruction(const Finder *finder, const ElfSection *section, uint64_t offset)
{
	uint64_t at = finder_cover_of(finder, section, offset);

	for (;;) {
		uint64_t left = section->offset + section->size - at;
		Instruction instruction;

		instruction_read(finder->image->bytes.data + at, (size_t)left, &instruction);
		if (at + instruction.length > offset)
			return at;
		at += instruction.length;
	}
}

/* ---- jump tables: words relative to the table, whose address code takes by lea ---- */

static bool points_into_code(const ElfImage *image, uint64_t address)
{
	const ElfSection *section = elf_at_address(image, address);

	return section && section->executable;
}

static uint64_t count_entries(
	const ElfImage *image, const ElfSection *section, uint64_t offset, uint64_t end)
{
	uint64_t base = visit_address(section, offset), first = 0, count = 0;

	for (; offset + 4 <= end; offset += 4) {
		uint64_t target = base + little_s32(image->bytes.data + offset);

		if (!points_into_code(image, target))
			break;
		if (count == 0)
			first = target;
		if (target - first + TABLE_SPREAD > 2 * TABLE_SPREAD)
			break;
		count++;
	}
	return count;
}

static int by_offset(const void *a, const void *b)
{
	const JumpTable *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void drop_twins(Finder *finder)
{
	size_t kept = 0;

	if (finder->table_count == 0)
		return;
	qsort(finder->tables, finder->table_count, sizeof(JumpTable), by_offset);
	for (size_t i = 1; i < finder->table_count; i++)
		if (finder->tables[i].offset != finder->tables[kept].offset)
			finder->tables[++kept] = finder->tables[i];
	finder->table_count = kept + 1;
}

/* Tables being collected; many instructions name the same. */
typedef struct Tables {
	Finder *finder;
	size_t room;
	bool full; /* no more are taken: sorting again and again would take too long */
} Tables;

static int make_room(Tables *tables)
{
	Finder *finder = tables->finder;
	_cleanup_free_ JumpTable *larger = NULL;

	drop_twins(finder);
	if (finder->table_count <= tables->room / 2 && tables->room > 0)
		return 0;
	if (tables->room >= FINDER_TABLES_MAX) {
		tables->full = true;
		return 0;
	}
	tables->room = tables->room == 0 ? 256 : 2 * tables->room;
	larger = memory_new_array(tables->room, sizeof(JumpTable));
	if (!larger)
		return -ENOMEM;
	if (finder->table_count > 0)
		memcpy(larger, finder->tables, finder->table_count * sizeof(JumpTable));
	memory_free(finder->tables);
	finder->tables = TAKE_PTR(larger);
	return 0;
}

static int add_table(Tables *tables, uint64_t address)
{
	Finder *finder = tables->finder;
	const ElfSection *section = elf_at_address(finder->image, address);
	uint64_t offset, end;

	if (tables->full || !section || section->executable || section->role != ELF_DATA ||
		address % 4 != 0)
		return 0;
	offset = section->offset + (address - section->address);
	end = section->offset + section->size;
	if (end - offset < 4 * TABLE_LEAST ||
		count_entries(finder->image, section, offset, offset + 4 * TABLE_LEAST) <
			TABLE_LEAST)
		return 0;
	if (finder->table_count == tables->room) {
		int r = make_room(tables);

		if (r < 0 || tables->full)
			return r;
	}
	finder->tables[finder->table_count++] = (JumpTable){.offset = (uint32_t)offset};
	return 0;
}

static int walk_section(Tables *tables, const ElfSection *section)
{
	Finder *finder = tables->finder;
	const uint8_t *bytes = finder->image->bytes.data;
	uint64_t at = section->offset, end = section->offset + section->size;
	int r = 0;

	while (at < end && r == 0) {
		Instruction instruction;
		uint64_t next;

		instruction_read(bytes + at, (size_t)(end - at), &instruction);
		next = at + instruction.length;
		if ((at ^ (next - 1)) >= FINDER_COVER || at % FINDER_COVER == 0)
			finder_cover(finder, at, next);
		if (instruction.kind == INSTRUCTION_RELATIVE &&
			bytes[at + instruction.opcode] == LEA)
			r = add_table(tables,
				visit_address(section, next) +
					little_s32(bytes + at + instruction.field));
		at = next;
	}
	return r;
}

/* A table ends where the next begins or where an entry does not point into code. */
static void measure_tables(Finder *finder)
{
	drop_twins(finder);
	for (size_t i = 0; i < finder->table_count; i++) {
		JumpTable *table = &finder->tables[i];
		const ElfSection *section = elf_at_offset(finder->image, table->offset);
		uint64_t end = section->offset + section->size;

		if (i + 1 < finder->table_count && table[1].offset < end)
			end = table[1].offset;
		table->count = (uint32_t)count_entries(finder->image, section, table->offset, end);
	}
}

int code_walk(Finder *finder)
{
	Tables tables = {.finder = finder};
	int r = 0;

	for (size_t i = 0; i < finder->image->count && r == 0; i++) {
		const ElfSection *section = &finder->image->sections[i];

		if (elf_is_code(section))
			r = walk_section(&tables, section);
	}
	measure_tables(finder);
	return r;
}
