/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Generic: the models of the codecs "literal" and "generic", learning together. One GenericModels
 * serves all segments of a patch in their order, so that a short segment starts with what the
 * segments before it have taught; generic_restart() between segments forgets positions only.
 */
#include "base/buffer.h"
#include "wire/delta/model/control.h"
#include "wire/delta/model/difference.h"
#include "wire/delta/model/literal.h"

typedef struct GenericModels {
	MixerTables tables;
	ControlModel control;
	LiteralModel *literals;
	DifferenceModel *differences; /* NULL until a segment is "generic" */
} GenericModels;

GenericModels *generic_models_new(void); /* NULL: no memory */
GenericModels *generic_models_free(GenericModels *models);
DEFINE_CLEANUP(GenericModels *, generic_models_free)

/* To be called before a segment under "generic". 0 or -ENOMEM. */
int generic_models_need_differences(GenericModels *models);

void generic_restart(GenericModels *models);

/* The three coder streams of a payload under the codec "generic". An empty payload has three empty
 * streams: a copy of the source from its start. */
typedef struct GenericStreams {
	DeltaBytes control, literals, differences;
} GenericStreams;

int generic_streams_read(
	const uint8_t *payload, size_t size, GenericStreams *ret);     /* 0, -EBADMSG */
int generic_streams_write(const GenericStreams *streams, Buffer *out); /* 0, -ENOMEM */
