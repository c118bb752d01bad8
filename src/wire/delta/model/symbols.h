/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Symbols: which dynamic symbol of the old file is which of the new, by name, and what follows from
 * that: where exported things are, and the slots of .got and .plt of imported ones.
 *
 * Two steps, as the second needs the new relocations, which the first predicts. Files with more
 * than SYMBOLS_MAX symbols or names larger than SYMBOLS_NAMES_MAX are treated as if they had none.
 */
#include "wire/delta/model/map.h"

#define SYMBOLS_MAX       ((size_t)1 << 17)
#define SYMBOLS_NAMES_MAX ((size_t)3 << 20)

typedef int (*SymbolsRead)(void *userdata, uint64_t offset, size_t size, uint8_t *out);

typedef struct Symbols {
	uint32_t *same; /* of each old symbol: the new one; 0: none */
	size_t count;
	uint32_t *slots; /* of each old entry of .rela.plt: the new one, plus 1; 0: none */
	size_t slot_count;
	Override *overrides;
	size_t override_count;
} Symbols;

/* Fills `same`, and overrides for what both files define. 0, -ENOMEM, or what reading gave. */
int symbols_match(Symbols *symbols, const Layout *layout, SymbolsRead read, void *userdata);

/* Adds the slots. */
int symbols_match_slots(Symbols *symbols, const Layout *layout, SymbolsRead read, void *userdata);
void symbols_done(Symbols *symbols);
