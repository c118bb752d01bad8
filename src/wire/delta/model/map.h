/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Map: where an address of the old file is in the new one. Copies say it for what they cover;
 * between two copies the nearer decides; a section without copies moves as a whole; names know
 * better (overrides).
 */
#include "wire/delta/model/layout.h"

/* Parts of copies that count; a copy has one in each section it touches. Bounds the memory of a
 * patch whose every copy touches them all. */
#define MAP_PIECES_MAX ((size_t)1 << 17)

typedef struct Block {
	uint64_t old, target; /* offsets in the files */
	uint64_t size;
	uint64_t literals; /* literals before it, in all */
} Block;

typedef struct MapPoint {
	uint64_t start; /* an old address; up to the next point all move alike */
	uint64_t shift; /* modulo 2^64 */
} MapPoint;

/* An address that is known by name. */
typedef struct Override {
	uint64_t old, target;
} Override;

typedef struct Map {
	const Layout *layout;
	MapPoint *points; /* by start; the first starts at 0 */
	size_t count;
} Map;

/* `hints` say how parts of sections without bytes move: addresses and shifts, by rising address.
 * 0 or -ENOMEM. */
int map_init(Map *map, const Layout *layout, const Block *blocks, size_t n_blocks,
	const MapPoint *hints, size_t n_hints);
void map_done(Map *map);

/* A map that agrees with `base` but for the overrides, which are sorted here. 0 or -ENOMEM. */
int map_override(Map *map, const Map *base, Override *overrides, size_t count);

uint64_t map_address(const Map *map, uint64_t address);

/* The same of an end: the address behind a last byte. */
uint64_t map_end(const Map *map, uint64_t address);
