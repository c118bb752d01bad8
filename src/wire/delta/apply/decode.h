/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Decode: the target of one segment, by the models that all segments share. */
#include "wire/delta/apply/output.h"
#include "wire/delta/model/executable.h"

/* `old` is the segment's source; the codec "literal" has none. *executable is made when the first
 * segment needs it, and stays the caller's. Errors: -EBADMSG, -ENOMEM, and what the output gave. */
int decode_segment(GenericModels *models, ExecutableModels **executable,
	const DeltaSegment *segment, const DeltaBytes *old, Output *output);
