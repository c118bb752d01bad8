/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Literals: bytes of the target that no source predicts, under the bytes before them, the byte that
 * stands in the old file where the last copy would have gone on, and what followed the same bytes
 * when they last were literals.
 */
#include "wire/delta/model/mixer.h"

#define LITERAL_INPUTS 8

typedef struct LiteralModel LiteralModel;

LiteralModel *literal_model_new(const MixerTables *tables);
LiteralModel *literal_model_free(LiteralModel *model);

/* Tells the bytes of the target that precede the next literal where those were no literals. */
void literal_model_follow(LiteralModel *model, const uint8_t *bytes, size_t size);

/* Takes bytes as if they had been literals, at no cost: what new code will probably look like. */
void literal_model_learn(LiteralModel *model, const uint8_t *bytes, size_t size);

/* Codes one byte. `old` is the byte of the old file at this place, 0 where there is none. */
uint8_t literal_code(LiteralModel *model, Coder *coder, uint8_t old, uint8_t byte);
