/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Residual: the events, that is, what a prediction got wrong. Pages that are right cost a fraction
 * of a bit; in others every unit (byte or reference) is told to be right or wrong, under what it is
 * and what stands before it.
 *
 * Nothing here needs the prediction itself: only the old file and the changes told so far. So all
 * events are known before the first byte of the new file is made.
 */
#include "wire/delta/model/predictor.h"

#define RESIDUAL_PAGE 1024

typedef struct ResidualModel ResidualModel;

ResidualModel *residual_model_new(const MixerTables *tables);
ResidualModel *residual_model_free(ResidualModel *model);
void residual_restart(ResidualModel *model); /* a new file begins */

/* Codes whether anything in a page is wrong: role and edges tell where its first copied byte comes
 * from and how many copies begin in it. */
bool residual_page(ResidualModel *model, Coder *coder, unsigned role, unsigned edges, bool wrong);

/* Codes the changes of the units of a wrong page: changes[i] is that of the unit at byte i. */
void residual_code(ResidualModel *model, Coder *coder, const DeltaBytes *old, const Unit *units,
	size_t size, uint64_t *changes);
