/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Aarch64: the references in A64 code. All instructions have 4 bytes, so reading can start at each.
 * An address of 64 bits takes two: adrp gives a page, and an add, a load or a store that uses its
 * register the place in it. Which adrp that is, is looked for within AARCH64_REACH bytes and no
 * further, so it does not depend on where reading starts. Part of the format:
 * doc/format/delta.md has the same rules.
 */
#include "wire/delta/model/visit.h"

#define AARCH64_REACH 4096 /* bytes between an adrp and what uses it */

void aarch64_visit(const Visit *visit);

/* A bit field of an instruction, as a number of a kind from REFERENCE_JUMP on. */
unsigned aarch64_width(ReferenceKind kind);
uint32_t aarch64_put(ReferenceKind kind, uint32_t word, uint64_t number);

/* The instruction at `place` made to point at the target. */
uint32_t aarch64_point(ReferenceKind kind, uint32_t word, uint64_t place, uint64_t target);

/* b, bl and adrp with the address that they name in place of the distance to it, as far as it fits,
 * and the way back; other words stay as they are. */
uint32_t aarch64_absolute(uint32_t word, uint64_t place);
uint32_t aarch64_relative(uint32_t word, uint64_t place);
