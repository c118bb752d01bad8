/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Literals: bytes of the target that no source predicts, under the bytes before them, the byte that
 * stands in the old file where the last copy would have gone on, and what followed the same bytes
 * when they last were literals.
 */
#include "wire/delta/model/mixer.h"

#define LITERAL_INPUTS 8
#define LITERAL_MORE   5 /* contexts that only the caller knows */
#define LITERAL_SETS   8

/* What a caller knows of a byte: hashes of contexts, and which set of weights is for its like. */
typedef struct LiteralHints {
	uint32_t contexts[LITERAL_MORE];
	unsigned set; /* below LITERAL_SETS */
} LiteralHints;

typedef struct LiteralModel LiteralModel;

LiteralModel *literal_model_new(const MixerTables *tables);
LiteralModel *literal_model_free(LiteralModel *model);

/* Tells the bytes of the target that precede the next literal where those were no literals. */
void literal_model_follow(LiteralModel *model, const uint8_t *bytes, size_t size);

/* Takes a byte as if it had been a literal, at no cost: what new code will probably look like. */
void literal_learn(LiteralModel *model, const LiteralHints *hints, uint8_t byte);

/* Codes one byte. `old` is the byte of the old file at this place, 0 where there is none; `hints`
 * may be NULL, where nothing more is known of any byte. */
uint8_t literal_code(
	LiteralModel *model, Coder *coder, uint8_t old, const LiteralHints *hints, uint8_t byte);
