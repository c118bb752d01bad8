/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Blocks: the steps of which an executable consists, as those of model/control.h, but every bit
 * under several contexts: what kind of section the last copy ended in, the bytes there, and the
 * steps before. In an update of many places they are a third of the patch.
 */
#include "wire/delta/model/control.h"

typedef struct BlocksModel BlocksModel;

BlocksModel *blocks_model_new(const MixerTables *tables);
BlocksModel *blocks_model_free(BlocksModel *model);
void blocks_restart(BlocksModel *model); /* a new file begins */

/* Codes the next step, as control_code() does; `role` is what stands in the old file behind the
 * last copy, `bytes` the four bytes there. 0 or -EBADMSG. */
int blocks_code(BlocksModel *model, Coder *coder, uint64_t left, uint64_t old_size, unsigned role,
	uint32_t bytes, Step *step);

/* Where the last copy ended in the old file. */
uint64_t blocks_old(const BlocksModel *model);
