/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Differences: what must be added, modulo 256, to bytes of the old file that a copy runs over.
 *
 * Nearly all are 0. The old file is cut, from its first byte on, into pages and blocks; a flag per
 * page, then one per block of a page that has any, says whether anything differs there, and only
 * in such a block are bytes looked at singly. Thus applying costs a memcpy where nothing changed.
 * Contexts are the old bytes around (an opcode before an address), and earlier differences (an
 * address changes as the one before, or as the one a table entry before).
 */
#include "wire/delta/model/bytes.h"
#include "wire/delta/model/mixer.h"

#define DIFFERENCE_PAGE  1024
#define DIFFERENCE_BLOCK 16

typedef struct DifferenceModel DifferenceModel;

DifferenceModel *difference_model_new(const MixerTables *tables);
DifferenceModel *difference_model_free(DifferenceModel *model);

/* Forgets the position, not what was learnt: a new segment begins. */
void difference_model_restart(DifferenceModel *model);

/* Codes old[offset … offset + size), which lies in the old file and within one page. `target` holds
 * the target's bytes when encoding and the same bytes of the old file when decoding; either way it
 * holds the target's on return. */
void difference_code(DifferenceModel *model, Coder *coder, const DeltaBytes *old, size_t offset,
	size_t size, uint8_t *target);

/* Passes over bytes of an exact copy. */
void difference_skip(DifferenceModel *model, uint64_t size);
