/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/map.h"

#include <errno.h>
#include <string.h>

/* A part of a copy within one section, as addresses. */
typedef struct Piece {
	uint64_t start, end; /* old */
	uint64_t shift;
} Piece;

typedef struct Pieces {
	Piece *items;
	size_t count;
} Pieces;

static int by_start(const void *a, const void *b)
{
	const Piece *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	return x->shift < y->shift ? -1 : x->shift > y->shift;
}

/* The parts of a block that stay within their section. */
static int add_block(Pieces *pieces, const Layout *layout, const Block *block)
{
	uint64_t end = block->old + block->size;
	const ElfSection *section = elf_at_offset(layout->old, block->old);
	size_t i = section ? (size_t)(section - layout->old->sections) : 0;

	for (; i < layout->old->count && layout->old->sections[i].offset < end; i++) {
		const ElfSection *old = &layout->old->sections[i], *new = &layout->sections[i];
		uint64_t from = block->old > old->offset ? block->old : old->offset;
		uint64_t to = old->offset + elf_stored(old), target;
		int r;

		to = to < end ? to : end;
		if (!old->loaded || from >= to)
			continue;
		target = block->target + (from - block->old);
		if (target < new->offset || target - new->offset > new->size)
			continue;
		if (pieces->count == MAP_PIECES_MAX)
			return 0;
		r = memory_grow(&pieces->items, pieces->count, sizeof(Piece));
		if (r < 0)
			return r;
		pieces->items[pieces->count].start = old->address + (from - old->offset);
		pieces->items[pieces->count].end = old->address + (to - old->offset);
		pieces->items[pieces->count++].shift = new->address + (target - new->offset) -
			(old->address + (from - old->offset));
	}
	return 0;
}

/* Makes pieces disjoint: of two that overlap the longer keeps what both claim. Linear in the
 * count. */
static void settle(Pieces *pieces)
{
	size_t kept = 0;

	qsort(pieces->items, pieces->count, sizeof(Piece), by_start);
	for (size_t i = 0; i < pieces->count; i++) {
		Piece piece = pieces->items[i];

		while (kept > 0 && piece.start < pieces->items[kept - 1].end) {
			Piece *last = &pieces->items[kept - 1];

			if (piece.end - piece.start <= last->end - last->start) {
				piece.start = last->end;
				break;
			}
			/* A piece whose start was cut may begin behind this one. */
			if (piece.start > last->start)
				last->end = piece.start;
			else
				kept--;
		}
		if (piece.start < piece.end)
			pieces->items[kept++] = piece;
	}
	pieces->count = kept;
}

static void add_point(Map *map, uint64_t start, uint64_t shift)
{
	MapPoint *last = &map->points[map->count - 1];

	if (shift == last->shift)
		return;
	if (start <= last->start)
		last->shift = shift;
	else
		map->points[map->count++] = (MapPoint){start, shift};
}

/* Between two pieces the nearer decides; before the first and behind the last there is one. */
static void add_stored(
	Map *map, const ElfSection *old, const ElfSection *new, const Pieces *pieces, size_t *next)
{
	uint64_t end = old->address + old->size, covered = old->address;
	bool first = true;

	for (; *next < pieces->count && pieces->items[*next].start < end; ++*next) {
		const Piece *piece = &pieces->items[*next];

		add_point(map, first ? old->address : covered + (piece->start - covered + 1) / 2,
			piece->shift);
		covered = piece->end;
		first = false;
	}
	if (first)
		add_point(map, old->address, new->address - old->address);
}

static void add_bss(Map *map, const ElfSection *old, const ElfSection *new, const MapPoint *hints,
	size_t n_hints)
{
	uint64_t end = old->address + old->size;

	add_point(map, old->address, new->address - old->address);
	for (size_t i = 0; i < n_hints; i++)
		if (hints[i].start >= old->address && hints[i].start < end)
			add_point(map, hints[i].start, hints[i].shift);
}

static int make_points(Map *map, const Pieces *pieces, const MapPoint *hints, size_t n_hints)
{
	const Layout *layout = map->layout;
	size_t next = 0;

	map->points = memory_new_array(
		pieces->count + n_hints + layout->old->loaded + 1, sizeof(MapPoint));
	if (!map->points)
		return -ENOMEM;
	map->count = 1;
	for (size_t i = 0; i < layout->old->loaded; i++) {
		size_t index = layout->old->by_address[i];
		const ElfSection *old = &layout->old->sections[index];
		const ElfSection *new = &layout->sections[index];

		if (old->role == ELF_BSS)
			add_bss(map, old, new, hints, n_hints);
		else
			add_stored(map, old, new, pieces, &next);
	}
	return 0;
}

int map_init(Map *map, const Layout *layout, const Block *blocks, size_t n_blocks,
	const MapPoint *hints, size_t n_hints)
{
	Pieces pieces = {};
	int r = 0;

	*map = (Map){.layout = layout};
	for (size_t i = 0; i < n_blocks && r == 0; i++)
		r = add_block(&pieces, layout, &blocks[i]);
	if (r == 0 && pieces.count > 0)
		settle(&pieces);
	if (r == 0)
		r = make_points(map, &pieces, hints, n_hints);
	memory_free(pieces.items);
	return r;
}

void map_done(Map *map)
{
	memory_free(map->points);
	*map = (Map){};
}

static int by_old(const void *a, const void *b)
{
	const Override *x = a, *y = b;

	if (x->old != y->old)
		return x->old < y->old ? -1 : 1;
	return x->target < y->target ? -1 : x->target > y->target;
}

int map_override(Map *map, const Map *base, Override *overrides, size_t count)
{
	size_t point = 0;

	*map = (Map){.layout = base->layout};
	map->points = memory_new_array(base->count + 2 * count + 1, sizeof(MapPoint));
	if (!map->points)
		return -ENOMEM;
	if (count > 0)
		qsort(overrides, count, sizeof(Override), by_old);
	map->points[map->count++] = base->points[point++];
	for (size_t i = 0; i < count; i++) {
		uint64_t old = overrides[i].old, shift = overrides[i].target - old;

		if (i > 0 && overrides[i - 1].old == old)
			continue;
		for (; point < base->count && base->points[point].start <= old; point++)
			add_point(map, base->points[point].start, base->points[point].shift);
		if (base->points[point - 1].shift == shift)
			continue;
		add_point(map, old, shift);
		if (point == base->count || base->points[point].start > old + 1)
			add_point(map, old + 1, base->points[point - 1].shift);
	}
	for (; point < base->count; point++)
		add_point(map, base->points[point].start, base->points[point].shift);
	return 0;
}

uint64_t map_address(const Map *map, uint64_t address)
{
	const MapPoint *points = map->points;
	size_t low = 0, size = map->count;

	if (size == 0)
		return address; /* not known yet */
	/* The last point whose start is not above; without branches to mispredict. */
	while (size > 1) {
		size_t half = size / 2;

		low += points[low + half].start <= address ? half : 0;
		size -= half;
	}
	return address + points[low].shift;
}

uint64_t map_end(const Map *map, uint64_t address)
{
	const Layout *layout = map->layout;
	const ElfSection *section;

	if (map->count == 0)
		return address; /* not known yet */
	section = elf_at_address(layout->old, address - 1);
	if (section && section->address + section->size == address) {
		const ElfSection *new = &layout->sections[section - layout->old->sections];

		return new->address + new->size;
	}
	return map_address(map, address - 1) + 1;
}
