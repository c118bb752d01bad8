/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/predictor.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/aarch64.h"
#include "wire/delta/model/little.h"
#include "wire/delta/model/unwind.h"

#define MARGIN      8 /* no reference and no event is larger */
#define NOTE_HEAD   16
#define BUILD_ID    20
#define LINK_SUFFIX ".debug"

int predictor_init(Predictor *predictor, DeltaBytes old, uint64_t new_size)
{
	int r;

	*predictor = (Predictor){};
	r = elf_read(old, &predictor->old);
	if (r == 0)
		r = finder_init(&predictor->finder, &predictor->old);
	if (r == 0)
		r = layout_init(&predictor->layout, &predictor->old, new_size);
	if (r == 0) {
		predictor->scratch = memory_new(PREDICTOR_RENDER_MAX + 2 * MARGIN);
		r = predictor->scratch ? 0 : -ENOMEM;
	}
	return r;
}

void predictor_reset(Predictor *predictor)
{
	for (size_t i = 0; i < _PREDICTOR_LEVEL_MAX; i++)
		map_done(&predictor->maps[i]);
	symbols_done(&predictor->symbols);
	memory_free(predictor->header);
	predictor->header = NULL;
	predictor->link_size = 0;
}

void predictor_done(Predictor *predictor)
{
	predictor_reset(predictor);
	layout_done(&predictor->layout);
	finder_done(&predictor->finder);
	elf_done(&predictor->old);
	memory_free(predictor->blocks);
	memory_free(predictor->hints);
	memory_free(predictor->literals);
	events_done(&predictor->events);
	memory_free(predictor->scratch);
	*predictor = (Predictor){};
}

/* ---- walking over a range of the new file ---- */

/* A part of one block within one section of the old file. */
typedef struct Part {
	const Predictor *predictor;
	const Block *block;
	const ElfSection *section; /* of the old file */
	uint64_t old, end;         /* the part, as old offsets */
	uint64_t slide;            /* from the old address of a place to its new address */
	PredictorLevel level;
	const Map *map;
	uint64_t from, to; /* new offsets that are asked for */
	uint64_t offset;   /* of the first unit; MARGIN behind `from` */
	uint8_t *out;
	Unit *units;
} Part;

/* The first block that ends behind the offset. */
static size_t first_block(const Predictor *predictor, uint64_t offset)
{
	size_t low = 0, high = predictor->block_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const Block *block = &predictor->blocks[middle];

		if (block->target + block->size <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static PredictorLevel level_of(ElfRole role)
{
	if (role == ELF_DYNSYM || role == ELF_DYNSTR)
		return PREDICTOR_COPIES;
	return role == ELF_RELA || role == ELF_RELA_PLT ? PREDICTOR_EXPORTS : PREDICTOR_ALL;
}

static bool lands_in(const Layout *layout, ElfRole role, uint64_t from, uint64_t to)
{
	const ElfSection *section = layout_role(layout, role);

	return section && from < section->offset + section->size && to > section->offset;
}

/* What may be known where [from, to) of the new file is made. Names and slots are found in some
 * sections, which therefore must do without. */
static PredictorLevel level_at(const Layout *layout, uint64_t from, uint64_t to)
{
	if (lands_in(layout, ELF_DYNSYM, from, to) || lands_in(layout, ELF_DYNSTR, from, to))
		return PREDICTOR_COPIES;
	if (lands_in(layout, ELF_RELA, from, to) || lands_in(layout, ELF_RELA_PLT, from, to))
		return PREDICTOR_EXPORTS;
	return PREDICTOR_ALL;
}

/* The same of all of a block that comes from a section, whatever range of it is asked for. */
static PredictorLevel level_of_part(const Part *part)
{
	const Block *block = part->block;
	const ElfSection *section = part->section;
	uint64_t from = block->old > section->offset ? block->old : section->offset;
	uint64_t to = section->offset + section->size;

	to = block->old + block->size < to ? block->old + block->size : to;
	return level_at(&part->predictor->layout, block->target + (from - block->old),
		block->target + (to - block->old));
}

/* The new section that a copy lands in is nearly always that of the same name. */
static uint64_t slide_of(
	const Layout *layout, const ElfSection *section, uint64_t old, uint64_t target)
{
	const ElfSection *new = &layout->sections[section - layout->old->sections];

	for (size_t i = 0; target - new->offset >= elf_stored(new); i++) {
		if (i == layout->old->count)
			return 0;
		new = &layout->sections[i];
	}
	return new->address + (target - new->offset) - (section->address + (old - section->offset));
}

/* Of all of a part, whatever range of it is asked for. */
static uint64_t slide_of_part(const Part *part)
{
	const Block *block = part->block;
	const ElfSection *section = part->section;
	uint64_t old = block->old > section->offset ? block->old : section->offset;

	return slide_of(&part->predictor->layout, section, old, block->target + (old - block->old));
}

/* Calls `visit` for the references of a block that may touch [from, to) of the new file. */
static void visit_block(Part *part, const Block *block, FinderVisit visit)
{
	const Predictor *predictor = part->predictor;
	uint64_t old = block->old, end = block->old + block->size;
	const ElfSection *section;

	if (block->target < part->from)
		old += part->from - block->target;
	if (block->target + block->size > part->to)
		end -= block->target + block->size - part->to;
	part->block = block;
	while (old < end) {
		section = elf_at_offset(&predictor->old, old);
		if (!section) {
			old++; /* between sections is alignment, at most a page */
			continue;
		}
		part->section = section;
		part->old = old;
		part->end = section->offset + section->size < end ? section->offset + section->size
								  : end;
		part->slide = slide_of_part(part);
		part->level = level_of_part(part);
		part->map = &predictor->maps[part->level];
		finder_visit(&predictor->finder, section, part->old, part->end, visit, part);
		old = part->end;
	}
}

/* ---- rendering ---- */

static uint64_t symbol_of(const Predictor *predictor, uint64_t symbol)
{
	const Symbols *symbols = &predictor->symbols;

	return symbol < symbols->count && symbols->same[symbol] != 0 ? symbols->same[symbol]
								     : symbol;
}

static uint64_t slot_of(const Predictor *predictor, uint64_t slot)
{
	const Symbols *symbols = &predictor->symbols;

	return slot < symbols->slot_count && symbols->slots[slot] != 0 ? symbols->slots[slot] - 1
								       : slot;
}

/* Where a byte of the old file is, by the sections' places alone. */
static uint64_t offset_of(const Layout *layout, uint64_t offset)
{
	const ElfSection *old = elf_at_offset(layout->old, offset);

	return old ? offset - old->offset + layout->sections[old - layout->old->sections].offset
		   : offset;
}

static const ElfSection *numbered(const Layout *layout, uint64_t number)
{
	for (size_t i = 0; i < layout->old->count; i++)
		if (layout->old->sections[i].number == number && number > 0)
			return &layout->sections[i];
	return NULL;
}

static uint64_t section_field(const Part *part, const Reference *reference)
{
	const ElfSection *section = numbered(&part->predictor->layout, reference->target);

	if (!section)
		return little_u64(part->predictor->old.bytes.data + reference->offset);
	switch (reference->kind) {
	case REFERENCE_SECTION_ADDRESS: return section->address;
	case REFERENCE_SECTION_OFFSET: return section->offset;
	default: return section->size;
	}
}

static uint64_t predict(const Part *part, const Reference *reference)
{
	const Map *map = part->map;
	uint64_t base = reference->base, target = reference->target;

	switch (reference->kind) {
	case REFERENCE_BRANCH:
	case REFERENCE_DATA:
	case REFERENCE_PC: return map_address(map, target) - (base + part->slide);
	case REFERENCE_TABLE: return map_address(map, target) - map_address(map, base);
	case REFERENCE_LENGTH:
	case REFERENCE_SIZE: return map_end(map, target) - map_address(map, base);
	case REFERENCE_CIE: return base + part->slide - map_address(map, target);
	case REFERENCE_SYMBOL:
		return part->level > PREDICTOR_COPIES ? symbol_of(part->predictor, target) : target;
	case REFERENCE_SLOT:
		return part->level == PREDICTOR_ALL ? slot_of(part->predictor, target) : target;
	case REFERENCE_ADDRESS:
	case REFERENCE_ADDEND: return map_address(map, target);
	case REFERENCE_OFFSET: return offset_of(&part->predictor->layout, target);
	case REFERENCE_SECTION_ADDRESS:
	case REFERENCE_SECTION_OFFSET:
	case REFERENCE_SECTION_SIZE: return section_field(part, reference);
	case REFERENCE_JUMP:
	case REFERENCE_CONDITION:
	case REFERENCE_TEST:
	case REFERENCE_NEAR:
	case REFERENCE_PAGE:
	case REFERENCE_LOW:
	case REFERENCE_NUMBER:
		return aarch64_point(reference->kind,
			little_u32(part->predictor->old.bytes.data + reference->offset),
			base + part->slide, map_address(map, target));
	case _REFERENCE_KIND_MAX: break;
	}
	return 0;
}

uint64_t predictor_meaning(
	const Predictor *predictor, const ElfSection *section, const Reference *reference)
{
	const Map *map = &predictor->maps[level_of(section->role)];

	switch (reference->kind) {
	case REFERENCE_LENGTH:
	case REFERENCE_SIZE:
		return map_end(map, reference->target) - map_address(map, reference->base);
	case REFERENCE_SYMBOL: return symbol_of(predictor, reference->target);
	case REFERENCE_SLOT: return slot_of(predictor, reference->target);
	case REFERENCE_OFFSET:
	case REFERENCE_SECTION_ADDRESS:
	case REFERENCE_SECTION_OFFSET:
	case REFERENCE_SECTION_SIZE: return 0;
	default: return map_address(map, reference->target);
	}
}

static void render_reference(void *userdata, const Reference *reference)
{
	const Part *part = userdata;
	const Block *block = part->block;
	unsigned size = reference_size(reference->kind);
	uint64_t target = block->target + (reference->offset - block->old);

	if (reference->offset + size > block->old + block->size || target + size > part->to)
		return;
	little_write(part->out + (target - part->from), size, predict(part, reference));
}

static void copy_overlap(
	uint8_t *out, uint64_t from, uint64_t to, const void *data, uint64_t at, uint64_t size)
{
	uint64_t start = at > from ? at : from, end = at + size < to ? at + size : to;

	if (start < end)
		memcpy(out + (start - from), (const uint8_t *)data + (start - at),
			(size_t)(end - start));
}

static void render_derived(const Predictor *predictor, uint64_t from, uint64_t to, uint8_t *out)
{
	const ElfSection *section;

	if (predictor->header) {
		section = layout_role(&predictor->layout, ELF_EH_FRAME_HDR);
		copy_overlap(out, from, to, predictor->header, section->offset, section->size);
	}
	if (predictor->link_size > 0) {
		section = layout_role(&predictor->layout, ELF_DEBUGLINK);
		copy_overlap(out, from, to, predictor->link, section->offset, predictor->link_size);
	}
}

static void render_events(const Predictor *predictor, uint64_t from, uint64_t to, uint8_t *out)
{
	EventCursor cursor = events_from(&predictor->events, from);
	Event event;

	while (events_next(&cursor, &event) && event.target + event.size <= to) {
		uint8_t *at = out + (event.target - from);

		little_write(at, event.size, little_read(at, event.size) + event.change);
	}
}

/* [from, to) is wide enough that what its ends cut does not matter. */
static void render_wide(const Predictor *predictor, uint64_t from, uint64_t to, uint8_t *out)
{
	Part part = {.predictor = predictor, .from = from, .to = to, .out = out};
	uint64_t done = from;

	for (size_t i = first_block(predictor, from); done < to; i++) {
		bool last = i == predictor->block_count;
		const Block *block = last ? NULL : &predictor->blocks[i];
		uint64_t literals = last ? predictor->literal_count : block->literals;
		uint64_t gap = last ? predictor->layout.size : block->target;

		if (gap > done) {
			uint64_t end = gap < to ? gap : to;

			memcpy(out + (done - from), predictor->literals + literals - (gap - done),
				(size_t)(end - done));
			done = end;
		}
		if (last || done >= to)
			break;
		copy_overlap(out, from, to, predictor->old.bytes.data + block->old, block->target,
			block->size);
		visit_block(&part, block, render_reference);
		done = block->target + block->size;
	}
	render_derived(predictor, from, to, out);
	render_events(predictor, from, to, out);
}

void predictor_render(const Predictor *predictor, uint64_t offset, size_t size, uint8_t *out)
{
	uint64_t from = offset > MARGIN ? offset - MARGIN : 0, to = offset + size + MARGIN;

	to = to < predictor->layout.size ? to : predictor->layout.size;
	render_wide(predictor, from, to, predictor->scratch);
	memcpy(out, predictor->scratch + (offset - from), size);
}

/* ---- units ---- */

static void mark_reference(void *userdata, const Reference *reference)
{
	const Part *part = userdata;
	const Block *block = part->block;
	unsigned size = reference_size(reference->kind);
	uint64_t target = block->target + (reference->offset - block->old);

	if (reference->offset < block->old || reference->offset + size > block->old + block->size)
		return;
	for (unsigned i = 0; i < size; i++) {
		if (target + i < part->offset || target + i >= part->to)
			continue;
		part->units[target + i - part->offset].kind =
			i == 0 ? (uint8_t)(UNIT_REFERENCE + reference->kind) : UNIT_NONE;
	}
}

static uint8_t byte_kind(const ElfImage *old, const ElfSection *section, uint64_t source)
{
	return section && section->role == ELF_CODE && old->machine == ELF_AARCH64
		? (uint8_t)(UNIT_INSTRUCTION + source % 4)
		: UNIT_BYTE;
}

static void mark_bytes(
	const Predictor *predictor, const Block *block, uint64_t from, uint64_t to, Unit *units)
{
	uint64_t at = block->target > from ? block->target : from;
	uint64_t end = block->target + block->size < to ? block->target + block->size : to;
	const ElfSection *section = NULL;

	for (; at < end; at++) {
		uint64_t source = block->old + (at - block->target), edge = at - block->target;

		if (!section || source - section->offset >= section->size)
			section = elf_at_offset(&predictor->old, source);
		units[at - from] = (Unit){.kind = byte_kind(&predictor->old, section, source),
			.role = section ? (uint8_t)section->role : ELF_PLAIN,
			.edge = edge < UINT16_MAX ? (uint16_t)edge : UINT16_MAX,
			.source = (uint32_t)source};
	}
}

/* A range of units that come from one section. */
typedef struct UnitRange {
	Unit *units;
	uint64_t source; /* the old offset of the first */
} UnitRange;

static void mark_place(void *userdata, uint64_t offset, CodePlace place)
{
	const UnitRange *range = userdata;

	range->units[offset - range->source].place = place;
}

static void mark_places(
	const Predictor *predictor, const Block *block, uint64_t from, uint64_t to, Unit *units)
{
	uint64_t at = block->target > from ? block->target : from;
	uint64_t end = block->target + block->size < to ? block->target + block->size : to;

	while (at < end) {
		uint64_t old = block->old + (at - block->target), stop = old + (end - at);
		const ElfSection *section = elf_at_offset(&predictor->old, old);
		UnitRange range = {units + (at - from), old};

		if (!section) {
			at++;
			continue;
		}
		if (section->offset + section->size < stop)
			stop = section->offset + section->size;
		finder_visit_places(&predictor->finder, section, old, stop, mark_place, &range);
		at += stop - old;
	}
}

static void unmark(uint64_t from, uint64_t to, uint64_t at, uint64_t size, Unit *units)
{
	uint64_t start = at > from ? at : from, end = at + size < to ? at + size : to;

	for (; start < end; start++)
		units[start - from].kind = UNIT_NONE;
}

static void unmark_derived(const Predictor *predictor, uint64_t from, uint64_t to, Unit *units)
{
	const ElfSection *section;

	if (predictor->derives_header) {
		section = layout_role(&predictor->layout, ELF_EH_FRAME_HDR);
		unmark(from, to, section->offset, section->size, units);
	}
	if (predictor->derives_link) {
		section = layout_role(&predictor->layout, ELF_DEBUGLINK);
		unmark(from, to, section->offset, 2 * (BUILD_ID - 1), units);
	}
}

void predictor_units(const Predictor *predictor, uint64_t offset, size_t size, Unit *units)
{
	uint64_t to = offset + size;
	Part part = {.predictor = predictor,
		.from = offset < MARGIN ? 0 : offset - MARGIN,
		.to = to,
		.offset = offset,
		.units = units};

	memset(units, 0, size * sizeof(Unit));
	for (size_t i = first_block(predictor, part.from); i < predictor->block_count; i++) {
		const Block *block = &predictor->blocks[i];

		if (block->target >= to)
			break;
		mark_bytes(predictor, block, offset, to, units);
		visit_block(&part, block, mark_reference);
		mark_places(predictor, block, offset, to, units);
	}
	unmark_derived(predictor, offset, to, units);
}

bool predictor_outline(const Predictor *predictor, uint64_t offset, size_t size, size_t *block,
	unsigned *ret_role, unsigned *ret_edges)
{
	const Block *blocks = predictor->blocks;
	const ElfSection *section;
	uint64_t old;
	size_t next;

	while (*block < predictor->block_count &&
		blocks[*block].target + blocks[*block].size <= offset)
		++*block;
	if (*block == predictor->block_count || blocks[*block].target >= offset + size)
		return false;
	next = *block;
	old = blocks[next].old + (offset > blocks[next].target ? offset - blocks[next].target : 0);
	section = elf_at_offset(&predictor->old, old);
	*ret_role = section ? section->role : ELF_PLAIN;
	*ret_edges = 0;
	for (; next < predictor->block_count && blocks[next].target < offset + size; next++)
		*ret_edges += blocks[next].target >= offset;
	return true;
}

/* ---- preparing ---- */

static int read_rendered(void *userdata, uint64_t offset, size_t size, uint8_t *out)
{
	const Predictor *predictor = userdata;

	while (size > 0) {
		size_t piece = size < PREDICTOR_RENDER_MAX ? size : PREDICTOR_RENDER_MAX;

		predictor_render(predictor, offset, piece, out);
		offset += piece;
		out += piece;
		size -= piece;
	}
	return 0;
}

int predictor_derive_header(Predictor *predictor, SymbolsRead read, void *userdata)
{
	const ElfSection *frames = layout_role(&predictor->layout, ELF_EH_FRAME);
	const ElfSection *header = layout_role(&predictor->layout, ELF_EH_FRAME_HDR);
	_cleanup_free_ uint8_t *bytes = NULL;
	int r;

	if (!frames || !header || header->size > PREDICTOR_HEADER_MAX)
		return 1;
	bytes = memory_new((size_t)header->size);
	if (!bytes)
		return -ENOMEM;
	r = unwind_make_header(
		frames, header, read ? read : read_rendered, read ? userdata : predictor, bytes);
	if (r == 0)
		predictor->header = TAKE_PTR(bytes);
	return r;
}

int predictor_derive_link(Predictor *predictor, SymbolsRead read, void *userdata)
{
	static const char digits[] = "0123456789abcdef";
	const ElfSection *note = layout_role(&predictor->layout, ELF_BUILD_ID);
	const ElfSection *link = layout_role(&predictor->layout, ELF_DEBUGLINK);
	uint8_t bytes[NOTE_HEAD + BUILD_ID];
	int r;

	if (!note || !link || note->size != sizeof(bytes) || link->size < 2 * (BUILD_ID - 1))
		return 1;
	r = read ? read(userdata, note->offset, sizeof(bytes), bytes)
		 : read_rendered(predictor, note->offset, sizeof(bytes), bytes);
	if (r < 0)
		return r;
	for (size_t i = 1; i < BUILD_ID; i++) {
		predictor->link[2 * i - 2] = digits[bytes[NOTE_HEAD + i] >> 4];
		predictor->link[2 * i - 1] = digits[bytes[NOTE_HEAD + i] & 15];
	}
	predictor->link_size = 2 * (BUILD_ID - 1);
	return 0;
}

int predictor_map_copies(Predictor *predictor)
{
	Map *map = &predictor->maps[PREDICTOR_COPIES];

	if (map->points)
		return 0;
	return map_init(map, &predictor->layout, predictor->blocks, predictor->block_count,
		predictor->hints, predictor->hint_count);
}

int predictor_prepare(Predictor *predictor, SymbolsRead read, void *userdata)
{
	SymbolsRead from = read ? read : read_rendered;
	void *with = read ? userdata : predictor;
	Symbols *symbols = &predictor->symbols;
	int r = predictor_map_copies(predictor);

	if (r == 0)
		r = symbols_match(symbols, &predictor->layout, from, with);
	if (r == 0)
		r = map_override(&predictor->maps[PREDICTOR_EXPORTS],
			&predictor->maps[PREDICTOR_COPIES], symbols->overrides,
			symbols->override_count);
	if (r == 0)
		r = symbols_match_slots(symbols, &predictor->layout, from, with);
	if (r == 0)
		r = map_override(&predictor->maps[PREDICTOR_ALL],
			&predictor->maps[PREDICTOR_COPIES], symbols->overrides,
			symbols->override_count);
	if (r == 0 && predictor->derives_header)
		r = predictor_derive_header(predictor, read, userdata);
	if (r == 0 && predictor->derives_link)
		r = predictor_derive_link(predictor, read, userdata);
	return r > 0 ? -EBADMSG : r;
}
