/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Executable: the models of the codec "executable" beside those of "generic", and the order in
 * which a payload's parts are coded. Its streams are laid out as those of "generic":
 * control (the plan), literals, differences (the events).
 *
 *     executable_code_plan()      layout, hints, which parts are derived, blocks
 *     insertions_code()           all literals (insertion.h)
 *     executable_code_events()    page by page
 *
 * A decoder's predictor is filled by these calls; an encoder's is read.
 */
#include "wire/delta/model/blocks.h"
#include "wire/delta/model/generic.h"
#include "wire/delta/model/predictor.h"
#include "wire/delta/model/residual.h"

/* What a segment may have, so that applying it needs bounded memory. */
#define EXECUTABLE_BLOCKS_MAX   ((size_t)1 << 17)
#define EXECUTABLE_LITERALS_MAX ((size_t)1 << 22)
#define EXECUTABLE_HINTS_MAX    4096

typedef struct ExecutableModels {
	LayoutModel layout;
	BlocksModel *blocks;
	NumberModel hints;
	Counter derived[2];
	ResidualModel *residual;
	LiteralModel *literals; /* the patch's */
	const MixerTables *tables;
} ExecutableModels;

ExecutableModels *executable_models_new(GenericModels *generic); /* NULL: no memory */
ExecutableModels *executable_models_free(ExecutableModels *models);
DEFINE_CLEANUP(ExecutableModels *, executable_models_free)

/* Each: 0, -EBADMSG for what cannot be (or is above a limit), -ENOMEM. */
int executable_code_plan(ExecutableModels *models, Coder *coder, Predictor *predictor);

/* `read` gives an encoder the new file; a decoder passes NULL. Either way the predictor has the
 * events afterwards. */
int executable_code_events(ExecutableModels *models, Coder *coder, Predictor *predictor,
	SymbolsRead read, void *userdata);

/* Reads a whole payload: everything it says, before the first byte of the target. The predictor is
 * then ready to render `size` bytes; it is the caller's to free, also on failure. */
int executable_decode(ExecutableModels *models, DeltaBytes old, uint64_t size,
	const uint8_t *payload, size_t payload_size, Predictor *predictor);
