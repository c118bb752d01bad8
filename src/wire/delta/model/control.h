/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Control: the steps of which a generic segment consists. A step is a run of literals, then a copy
 * from the old file, which differences may amend. The last step has no copy when its literals end
 * the segment.
 */
#include "wire/delta/model/number.h"

#define CONTROL_RECENT 4

typedef struct Step {
	uint64_t literals; /* bytes that no source predicts */
	uint64_t old;      /* where in the old file the copy starts */
	uint64_t copy;     /* its bytes; 0 only where the literals end the segment */
	bool exact;        /* all its differences are 0, and none are coded */
} Step;

typedef struct ControlModel {
	const MixerTables *tables;
	NumberModel literals, copies, seeks;
	Counter places[16][8];
	Counter ends[2], exacts[64];
	unsigned last_place;
	/* of the segment */
	uint64_t old;                    /* behind the last copy */
	uint64_t target;                 /* likewise */
	uint64_t recent[CONTROL_RECENT]; /* old minus target of the last copies, modulo 2^64 */
} ControlModel;

void control_init(ControlModel *model, const MixerTables *tables);
void control_restart(ControlModel *model); /* a new segment begins */

/* Codes the next step of a segment of which `left` > 0 bytes are left, over an old file of old_size
 * bytes. A decoder's step always lies within both: 0, or -EBADMSG when the stream says otherwise.
 */
int control_code(ControlModel *model, Coder *coder, uint64_t left, uint64_t old_size, Step *step);
