/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Insertion: the literals of an executable, which are mostly new code. They are coded as what they
 * mean: an address relative to an instruction as the address itself, so that two calls of a
 * function look alike wherever they stand; A64 instructions from the upper byte down. Before each
 * run the model learns the old code around the place, read the same way.
 *
 * The predictor has its layout and its blocks; a decoder's literals are allocated here.
 */
#include "wire/delta/model/literal.h"
#include "wire/delta/model/predictor.h"

/* 0 or -ENOMEM. */
int insertions_code(LiteralModel *model, Coder *coder, Predictor *predictor);
