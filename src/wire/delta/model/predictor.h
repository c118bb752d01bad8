/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Predictor: what an executable will look like, given where its parts come from. Any range of the
 * new file can be made at any time: copies with their references set to where their targets went,
 * literals between them, then the events that tell what is different after all.
 *
 *     predictor_init() with the old file, fill layout, blocks, hints, literals (and events)
 *     predictor_prepare()           finds names, slots and what can be made from the rest
 *     predictor_render()            any range, any number of times
 *
 * Memory: what finder.h, map.h and symbols.h say, and the derived .eh_frame_hdr, at most
 * PREDICTOR_HEADER_MAX.
 */
#include "wire/delta/model/events.h"
#include "wire/delta/model/finder.h"
#include "wire/delta/model/symbols.h"

#define PREDICTOR_RENDER_MAX 65536 /* bytes that one call may ask for */
#define PREDICTOR_HEADER_MAX ((size_t)3 << 20)
#define PREDICTOR_LINK_MAX   64

typedef enum PredictorLevel {
	PREDICTOR_COPIES,  /* the map by copies: for symbols and their names */
	PREDICTOR_EXPORTS, /* and names: for relocations */
	PREDICTOR_ALL,     /* and slots */
	_PREDICTOR_LEVEL_MAX,
} PredictorLevel;

typedef struct Predictor {
	ElfImage old;
	Finder finder;
	Layout layout;
	Block *blocks; /* by target, not overlapping */
	size_t block_count;
	MapPoint *hints;
	size_t hint_count;
	uint8_t *literals;
	size_t literal_count;
	Events events;
	bool derives_header, derives_link; /* .eh_frame_hdr, the name in .gnu_debuglink */

	Map maps[_PREDICTOR_LEVEL_MAX];
	Symbols symbols;
	uint8_t *header;
	char link[PREDICTOR_LINK_MAX];
	size_t link_size;
	uint8_t *scratch;
} Predictor;

int predictor_init(Predictor *predictor, DeltaBytes old, uint64_t new_size);
void predictor_done(Predictor *predictor);

/* Makes the map by copies, which literals are read by, unless it is there. 0 or -ENOMEM. */
int predictor_map_copies(Predictor *predictor);

/* `read` gives bytes of the new file; NULL: they are rendered. 0, -ENOMEM, what `read` gave. */
int predictor_prepare(Predictor *predictor, SymbolsRead read, void *userdata);

/* Makes the derived parts into `predictor`; called by prepare where derives_* say so. 1: cannot. */
int predictor_derive_header(Predictor *predictor, SymbolsRead read, void *userdata);
int predictor_derive_link(Predictor *predictor, SymbolsRead read, void *userdata);

/* Bytes [offset, offset + size) of the new file, at most PREDICTOR_RENDER_MAX, inside the file. */
void predictor_render(const Predictor *predictor, uint64_t offset, size_t size, uint8_t *out);

/* What may be different in such a range: for each byte a unit, and where it comes from. */
enum {
	UNIT_NONE, /* a literal, derived, or part of a unit that starts before it */
	UNIT_BYTE,
	UNIT_REFERENCE,                                          /* plus its ReferenceKind */
	UNIT_INSTRUCTION = UNIT_REFERENCE + _REFERENCE_KIND_MAX, /* plus which byte of an A64 one */
	_UNIT_MAX = UNIT_INSTRUCTION + 4,
};
typedef struct Unit {
	uint8_t kind;
	uint8_t role;    /* ElfRole of where the old byte stands */
	uint16_t edge;   /* bytes from the start of the block, at most 65535 */
	uint32_t source; /* the old offset */
	CodePlace place;
} Unit;
void predictor_units(const Predictor *predictor, uint64_t offset, size_t size, Unit *units);

/* Of such a range: whether any of it is copied, the role of the first copied byte, and how many
 * copies begin in it. *block goes on from call to call, by rising offset; it starts at 0. */
bool predictor_outline(const Predictor *predictor, uint64_t offset, size_t size, size_t *block,
	unsigned *ret_role, unsigned *ret_edges);

/* What a reference stands for, as a number of the new file: for comparing files. */
uint64_t predictor_meaning(
	const Predictor *predictor, const ElfSection *section, const Reference *reference);

/* Forgets what prepare found. */
void predictor_reset(Predictor *predictor);

static inline unsigned unit_size(unsigned kind)
{
	return kind < UNIT_REFERENCE || kind >= UNIT_INSTRUCTION
		? 1
		: reference_size((ReferenceKind)(kind - UNIT_REFERENCE));
}
