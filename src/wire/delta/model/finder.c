/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/finder.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/aarch64.h"
#include "wire/delta/model/code.h"
#include "wire/delta/model/little.h"
#include "wire/delta/model/unwind.h"

#define WORD 8

uint64_t finder_cover_of(const Finder *finder, const ElfSection *section, uint64_t offset)
{
	uint64_t boundary = offset / FINDER_COVER;

	return boundary * FINDER_COVER < section->offset ? section->offset
							 : finder->covers[boundary];
}

void finder_cover(Finder *finder, uint64_t start, uint64_t end)
{
	uint64_t boundary = (start + FINDER_COVER - 1) / FINDER_COVER;

	for (; boundary * FINDER_COVER < end; boundary++)
		finder->covers[boundary] = (uint32_t)start;
}

/* ---- data: jump tables and relocated words ---- */

/* Notes that a word with this address is relocated; as long as there is no room for bits yet, how
 * far they will reach. Other than whole words are not known. */
static void note_word(Finder *finder, uint64_t address)
{
	const ElfSection *section = elf_at_address(finder->image, address);
	uint64_t offset, word;

	if (!section || elf_stored(section) == 0)
		return;
	offset = section->offset + (address - section->address);
	if (offset % WORD != 0)
		return;
	word = offset / WORD;
	if (finder->words) {
		finder->words[word / 8 - finder->words_from / 8] |= (uint8_t)(1 << word % 8);
		return;
	}
	if (finder->words_to == 0 || word < finder->words_from)
		finder->words_from = word;
	if (word >= finder->words_to)
		finder->words_to = word + 1;
}

static void note_rela(Finder *finder, const ElfSection *section)
{
	const uint8_t *entry = finder->image->bytes.data + section->offset;

	for (uint64_t left = section->size; left >= ELF_RELA_SIZE; left -= ELF_RELA_SIZE) {
		if (little_u32(entry + 8) == finder->image->relocations.relative)
			note_word(finder, little_u64(entry));
		entry += ELF_RELA_SIZE;
	}
}

/* An even entry is an address, an odd one has a bit for each of the 63 words that follow. */
static void note_relr(Finder *finder, const ElfSection *section)
{
	const uint8_t *bytes = finder->image->bytes.data + section->offset;
	uint64_t next = 0;

	for (uint64_t at = 0; section->size - at >= WORD; at += WORD) {
		uint64_t entry = little_u64(bytes + at);

		if (entry % 2 == 0) {
			note_word(finder, entry);
			next = entry + WORD;
			continue;
		}
		for (unsigned bit = 1; bit < 64; bit++)
			if (entry >> bit & 1)
				note_word(finder, next + WORD * (bit - 1));
		next += 63 * WORD;
	}
}

static void note_words(Finder *finder)
{
	for (size_t i = 0; i < finder->image->count; i++) {
		const ElfSection *section = &finder->image->sections[i];

		if (section->role == ELF_RELA)
			note_rela(finder, section);
		else if (section->role == ELF_RELR)
			note_relr(finder, section);
	}
}

static bool is_relocated(const Finder *finder, uint64_t offset)
{
	uint64_t word = offset / WORD;

	if (word < finder->words_from || word >= finder->words_to)
		return false;
	return finder->words[word / 8 - finder->words_from / 8] >> word % 8 & 1;
}

/* The first relocated word that starts at `offset`, a whole word, or behind, or `end`. */
static uint64_t next_word(const Finder *finder, uint64_t offset, uint64_t end)
{
	const uint64_t from = finder->words_from * WORD, to = finder->words_to * WORD;
	const uint64_t stop = end < to ? end : to;

	if (offset < from)
		offset = from;
	while (offset < stop && !is_relocated(finder, offset))
		offset += offset % (8 * WORD) == 0 &&
				finder->words[offset / WORD / 8 - finder->words_from / 8] == 0
			? 8 * WORD
			: WORD;
	return offset < stop ? offset : end;
}

/* The first table whose bytes reach behind the offset. */
static size_t first_table(const Finder *finder, uint64_t offset)
{
	size_t low = 0, high = finder->table_count;

	while (low < high) {
		const JumpTable *table = &finder->tables[low + (high - low) / 2];

		if (table->offset + 4 * (uint64_t)table->count <= offset)
			low += (high - low) / 2 + 1;
		else
			high = low + (high - low) / 2;
	}
	return low;
}

static void visit_table(const Visit *visit, const JumpTable *table, uint64_t *at, uint64_t to)
{
	uint64_t base = visit_address(visit->section, table->offset);
	uint64_t end = table->offset + 4 * (uint64_t)table->count, offset = table->offset;

	if (offset < *at)
		offset += (*at - offset + 3) / 4 * 4;
	for (; offset < end && offset + 4 <= to; offset += 4) {
		visit_tell(visit, offset, REFERENCE_TABLE, base,
			base + little_s32(visit->bytes + offset));
		*at = offset + 4;
	}
}

/* Tables within [*at, to), and moves *at behind the last. */
static void visit_tables(const Visit *visit, size_t *table, uint64_t *at, uint64_t to)
{
	for (; *table < visit->finder->table_count; ++*table) {
		const JumpTable *next = &visit->finder->tables[*table];

		if (next->offset >= to)
			break;
		visit_table(visit, next, at, to);
		if (next->offset + 4 * (uint64_t)next->count > to)
			break;
	}
}

static void visit_word(const Visit *visit, uint64_t offset)
{
	uint64_t target;

	if (visit->end - offset < 8)
		return;
	target = little_u64(visit->bytes + offset);
	if (target != 0 && elf_in_range(visit->image, target))
		visit_tell(visit, offset, REFERENCE_ADDRESS, 0, target);
}

static void visit_words(const Visit *visit)
{
	uint64_t at = visit->from;

	at += (8 - (at - visit->section->offset) % 8) % 8;
	for (; at < visit->to; at += 8)
		visit_word(visit, at);
}

static void visit_data(const Visit *visit)
{
	const Finder *finder = visit->finder;
	uint64_t at = visit->from, word = visit->from / WORD * WORD;
	uint64_t to = visit->to + 3 < visit->end ? visit->to + 3 : visit->end;
	size_t table = first_table(finder, at);

	if (visit->section->role == ELF_GOT || (visit->image->fixed && visit->section->writable)) {
		visit_words(visit);
		return;
	}
	/* A word that begins before, or behind, hides what it covers of the last entry. */
	for (; (word = next_word(finder, word, to)) < to; word += WORD) {
		visit_tables(visit, &table, &at, word);
		visit_word(visit, word);
		at = word + WORD;
	}
	visit_tables(visit, &table, &at, to);
}

/* ---- unwind tables ---- */

static void walk_frames(Finder *finder, const ElfSection *section)
{
	uint64_t at = section->offset, end = section->offset + section->size;

	while (at < end) {
		size_t size =
			unwind_record_size(finder->image->bytes.data + at, (size_t)(end - at));

		if (size == 0)
			size = (size_t)(end - at);
		finder_cover(finder, at, at + size);
		at += size;
	}
}

/* The last CIE that was read; records of one follow each other. */
typedef struct KnownCie {
	uint64_t offset;
	UnwindEncoding encoding;
} KnownCie;

static const UnwindEncoding *encoding_of(const Visit *visit, uint64_t cie, KnownCie *known)
{
	size_t size;

	if (cie == known->offset)
		return &known->encoding;
	*known = (KnownCie){.offset = cie};
	size = unwind_record_size(visit->bytes + cie, (size_t)(visit->end - cie));
	unwind_read_cie(visit->bytes + cie, size, &known->encoding);
	return &known->encoding;
}

static void visit_function(
	const Visit *visit, uint64_t at, size_t size, const UnwindEncoding *encoding)
{
	const uint8_t *record = visit->bytes + at;
	uint64_t place = visit_address(visit->section, at),
		 start = place + 8 + little_s32(record + 8);

	visit_tell(visit, at + 8, REFERENCE_PC, place + 8, start);
	visit_tell(visit, at + 12, REFERENCE_LENGTH, start, start + little_u32(record + 12));
	if (encoding->lsda && size >= 21 && record[16] >= 4 && record[16] < 0x80 &&
		little_u32(record + 17) != 0)
		visit_tell(visit, at + 17, REFERENCE_PC, place + 17,
			place + 17 + little_s32(record + 17));
}

static void visit_record(const Visit *visit, uint64_t at, size_t size, KnownCie *known)
{
	const uint8_t *record = visit->bytes + at;
	uint64_t place = visit_address(visit->section, at), distance;
	const UnwindEncoding *encoding;

	if (size < 16)
		return;
	distance = little_u32(record + 4);
	if (distance == 0) {
		encoding = encoding_of(visit, at, known);
		if (encoding->personality > 0)
			visit_tell(visit, at + encoding->personality, REFERENCE_PC,
				place + encoding->personality,
				place + encoding->personality +
					little_s32(record + encoding->personality));
		return;
	}
	if (distance > at + 4 - visit->section->offset)
		return;
	visit_tell(visit, at + 4, REFERENCE_CIE, place + 4, place + 4 - distance);
	encoding = encoding_of(visit, at + 4 - distance, known);
	if (encoding->relative)
		visit_function(visit, at, size, encoding);
}

static void visit_frames(const Visit *visit)
{
	uint64_t at = finder_cover_of(visit->finder, visit->section, visit->from);
	KnownCie known = {.offset = UINT64_MAX};

	while (at < visit->to) {
		size_t size = unwind_record_size(visit->bytes + at, (size_t)(visit->end - at));

		if (size == 0)
			break;
		visit_record(visit, at, size, &known);
		at += size;
	}
}

static void visit_frames_header(const Visit *visit)
{
	const ElfSection *section = visit->section;
	uint64_t at = (visit->from - section->offset + 3) / 4 * 4;

	for (; section->offset + at < visit->to; at += 4) {
		uint64_t place = section->address + at, offset = section->offset + at;

		if (at < 4 || at == 8 || visit->end - offset < 4)
			continue;
		if (at == 4)
			visit_tell(visit, offset, REFERENCE_PC, place,
				place + little_s32(visit->bytes + offset));
		else
			visit_tell(visit, offset, REFERENCE_TABLE, section->address,
				section->address + little_s32(visit->bytes + offset));
	}
}

/* ---- tables of entries of one size ---- */

static void visit_relocation(const Visit *visit, uint64_t at)
{
	const uint8_t *entry = visit->bytes + at;
	uint32_t type = little_u32(entry + 8), symbol = little_u32(entry + 12);

	visit_tell(visit, at, REFERENCE_ADDRESS, 0, little_u64(entry));
	if (symbol != 0)
		visit_tell(visit, at + 12, REFERENCE_SYMBOL, 0, symbol);
	if (type == visit->image->relocations.relative ||
		type == visit->image->relocations.irelative)
		visit_tell(visit, at + 16, REFERENCE_ADDEND, 0, little_u64(entry + 16));
}

static void visit_symbol(const Visit *visit, uint64_t at)
{
	const uint8_t *entry = visit->bytes + at;
	const ElfSection *names = visit->image->roles[ELF_DYNSTR];
	uint64_t name = little_u32(entry), value = little_u64(entry + 8),
		 size = little_u64(entry + 16);
	uint32_t section = little_u16(entry + 6);

	if (visit->section->role == ELF_DYNSYM && names && name != 0)
		visit_tell(visit, at, REFERENCE_TABLE, names->address, names->address + name);
	if (section == 0 || section >= 0xff00 || value == 0 || !elf_in_range(visit->image, value))
		return;
	visit_tell(visit, at + 8, REFERENCE_ADDRESS, 0, value);
	if (size != 0 && elf_in_range(visit->image, value + size))
		visit_tell(visit, at + 16, REFERENCE_SIZE, value, value + size);
}

static void visit_dynamic(const Visit *visit, uint64_t at)
{
	/* DT_PLTGOT … DT_SYMTAB, INIT, FINI, JMPREL, the arrays, PREINIT */
	static const uint64_t addresses = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 12 |
		1 << 13 | 1 << 23 | 1 << 25 | 1 << 26;
	const uint8_t *entry = visit->bytes + at;
	uint64_t tag = little_u64(entry), value = little_u64(entry + 8);
	ElfRole role = tag == 2 ? ELF_RELA_PLT : tag == 8 ? ELF_RELA : ELF_DYNSTR;

	if (tag == 2 || tag == 8 || tag == 10) {
		if (visit->image->roles[role] && visit->image->roles[role]->size == value)
			visit_tell(visit, at + 8, REFERENCE_SECTION_SIZE, 0,
				visit->image->roles[role]->number);
		return;
	}
	if ((tag < 32 && addresses >> tag & 1) || (tag >= 0x6ffffef5 && tag < 0x6fffff00) ||
		tag == 0x6ffffff0 || tag == 0x6ffffffc || tag == 0x6ffffffe)
		if (value != 0 && elf_in_range(visit->image, value))
			visit_tell(visit, at + 8, REFERENCE_ADDRESS, 0, value);
}

static void visit_section_header(const Visit *visit, uint64_t at)
{
	uint64_t number = (at - visit->section->offset) / ELF_SECTION_SIZE;

	visit_tell(visit, at + 16, REFERENCE_SECTION_ADDRESS, 0, number);
	visit_tell(visit, at + 24, REFERENCE_SECTION_OFFSET, 0, number);
	visit_tell(visit, at + 32, REFERENCE_SECTION_SIZE, 0, number);
}

static void visit_entries(
	const Visit *visit, size_t size, void (*entry)(const Visit *visit, uint64_t at))
{
	uint64_t at = visit->from - (visit->from - visit->section->offset) % size;

	for (; at < visit->to && visit->end - at >= size; at += size)
		entry(visit, at);
}

static void visit_gnu_hash(const Visit *visit)
{
	const uint8_t *table = visit->bytes + visit->section->offset;
	uint64_t buckets, first, at;

	if (visit->section->size < 16)
		return;
	buckets = little_u32(table);
	first = 16 + 8 * (uint64_t)little_u32(table + 8);
	at = visit->from - visit->section->offset;
	at = at < first ? first : first + (at - first + 3) / 4 * 4;
	for (; at < first + 4 * buckets && visit->section->offset + at < visit->to; at += 4)
		if (visit->section->size - at >= 4 && little_u32(table + at) != 0)
			visit_tell(visit, visit->section->offset + at, REFERENCE_SYMBOL, 0,
				little_u32(table + at));
}

/* Two counts, then indices of symbols. */
static void visit_hash(const Visit *visit)
{
	uint64_t at = (visit->from - visit->section->offset + 3) / 4 * 4;

	for (at = at < 8 ? 8 : at; visit->section->offset + at < visit->to; at += 4) {
		const uint8_t *entry = visit->bytes + visit->section->offset + at;

		if (visit->section->size - at >= 4 && little_u32(entry) != 0)
			visit_tell(visit, visit->section->offset + at, REFERENCE_SYMBOL, 0,
				little_u32(entry));
	}
}

static void visit_relr(const Visit *visit, uint64_t at)
{
	uint64_t entry = little_u64(visit->bytes + at);

	if (entry % 2 == 0)
		visit_tell(visit, at, REFERENCE_ADDRESS, 0, entry);
}

static void visit_headers(const Visit *visit)
{
	const uint8_t *bytes = visit->bytes;

	visit_tell(visit, 24, REFERENCE_ADDRESS, 0, little_u64(bytes + 24));
	visit_tell(visit, 40, REFERENCE_OFFSET, 0, little_u64(bytes + 40));
	for (uint64_t at = ELF_HEADER_SIZE; visit->end - at >= ELF_PROGRAM_SIZE;
		at += ELF_PROGRAM_SIZE) {
		uint64_t address = little_u64(bytes + at + 16);
		uint64_t stored = little_u64(bytes + at + 32), size = little_u64(bytes + at + 40);

		if (little_u32(bytes + at) == 0 || size == 0)
			continue;
		visit_tell(visit, at + 8, REFERENCE_OFFSET, 0, little_u64(bytes + at + 8));
		visit_tell(visit, at + 16, REFERENCE_ADDRESS, 0, address);
		visit_tell(visit, at + 24, REFERENCE_ADDRESS, 0, little_u64(bytes + at + 24));
		visit_tell(visit, at + 32, REFERENCE_SIZE, address, address + stored);
		visit_tell(visit, at + 40, REFERENCE_SIZE, address, address + size);
	}
}

void finder_visit(const Finder *finder, const ElfSection *section, uint64_t from, uint64_t to,
	FinderVisit visit, void *userdata)
{
	Visit state = {
		.finder = finder,
		.image = finder->image,
		.section = section,
		.bytes = finder->image->bytes.data,
		.from = from,
		.to = to,
		.end = section->offset + section->size,
		.visit = visit,
		.userdata = userdata,
	};

	switch (section->role) {
	case ELF_HEADERS: visit_headers(&state); break;
	case ELF_SECTIONS: visit_entries(&state, ELF_SECTION_SIZE, visit_section_header); break;
	case ELF_CODE:
	case ELF_PLT:
	case ELF_PLT_SEC:
		if (state.image->machine == ELF_AARCH64)
			aarch64_visit(&state);
		else
			code_visit(&state);
		break;
	case ELF_DATA:
	case ELF_GOT: visit_data(&state); break;
	case ELF_RELA:
	case ELF_RELA_PLT: visit_entries(&state, ELF_RELA_SIZE, visit_relocation); break;
	case ELF_DYNSYM:
	case ELF_SYMTAB: visit_entries(&state, ELF_SYMBOL_SIZE, visit_symbol); break;
	case ELF_DYNAMIC: visit_entries(&state, ELF_DYNAMIC_SIZE, visit_dynamic); break;
	case ELF_GNU_HASH: visit_gnu_hash(&state); break;
	case ELF_HASH: visit_hash(&state); break;
	case ELF_RELR: visit_entries(&state, WORD, visit_relr); break;
	case ELF_EH_FRAME: visit_frames(&state); break;
	case ELF_EH_FRAME_HDR: visit_frames_header(&state); break;
	case ELF_PLAIN:
	case ELF_DYNSTR:
	case ELF_BUILD_ID:
	case ELF_DEBUGLINK:
	case ELF_BSS:
	case _ELF_ROLE_MAX: break;
	}
}

void finder_visit_places(const Finder *finder, const ElfSection *section, uint64_t from,
	uint64_t to, FinderPlaceVisit visit, void *userdata)
{
	if (elf_is_code(section) && finder->image->machine == ELF_X86_64)
		code_visit_places(finder, section, from, to, visit, userdata);
}

uint64_t finder_instruction(const Finder *finder, const ElfSection *section, uint64_t offset)
{
	if (!elf_is_code(section))
		return offset;
	if (finder->image->machine == ELF_AARCH64)
		return offset - (offset - section->offset) % 4;
	return code_instruction(finder, section, offset);
}

int finder_init(Finder *finder, const ElfImage *image)
{
	*finder = (Finder){.image = image};
	if (image->count == 0)
		return 0;
	finder->covers =
		memory_new_array(image->bytes.size / FINDER_COVER + 1, sizeof(*finder->covers));
	if (!finder->covers)
		return -ENOMEM;
	note_words(finder);
	finder->words = memory_new((finder->words_to - finder->words_from) / 8 + 2);
	if (!finder->words)
		return -ENOMEM;
	note_words(finder);
	for (size_t i = 0; i < image->count; i++)
		if (image->sections[i].role == ELF_EH_FRAME)
			walk_frames(finder, &image->sections[i]);
	return image->machine == ELF_X86_64 ? code_walk(finder) : 0;
}

void finder_done(Finder *finder)
{
	memory_free(finder->covers);
	memory_free(finder->words);
	memory_free(finder->tables);
	*finder = (Finder){};
}
