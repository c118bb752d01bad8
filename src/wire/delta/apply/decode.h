/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Decode: the target of one segment, by the models that all segments share. */
#include "wire/delta/apply/output.h"
#include "wire/delta/model/generic.h"

/* `old` is the segment's source; the codec "literal" has none. Errors: -EBADMSG, and what the
 * output gave. */
int decode_segment(
	GenericModels *models, const DeltaSegment *segment, const DeltaBytes *old, Output *output);
