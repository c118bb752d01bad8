/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Encode: one segment's bytes, by the models that all segments share. */
#include "base/buffer.h"
#include "wire/delta/model/generic.h"

/* Appends the payload of a segment under the codec "literal" to `out`. 0 or -ENOMEM. */
int encode_literal(GenericModels *models, const uint8_t *target, size_t size, Buffer *out);

/* Likewise under the codec "generic": the steps make target[0 … size) from the old file. */
int encode_generic(GenericModels *models, const DeltaBytes *old, const uint8_t *target,
	const Step *steps, size_t count, Buffer *out);
