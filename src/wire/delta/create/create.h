/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Create: a patch that makes a target from old files. The same input gives the same bytes, on every
 * compiler and machine. The whole old file, the target and 5 bytes per byte of the largest source
 * are in memory.
 *
 *     _cleanup_buffer_ Buffer patch = {};
 *     r = delta_create(&old, 1, new, new_size, NULL, 0, &patch, &reason);
 *
 * A plan says which source each part of the target is made from; what it leaves out is coded as
 * literals. Without a plan the whole target is made from the one source there is, or from none.
 */
#include "base/buffer.h"
#include "base/reason.h"
#include "wire/delta/model/bytes.h"
#include "wire/delta/model/progress.h"

typedef struct DeltaRange {
	uint64_t offset; /* in the target */
	uint64_t size;
	size_t source;
} DeltaRange;

/* Largest source and target: what libdivsufsort's 32-bit indices can name. */
#define DELTA_CREATE_MAX ((uint64_t)INT32_MAX - 1)

/* Appends the patch to `ret_patch`, which stays as it was on failure. The ranges of the plan stand
 * in rising order and do not overlap. Errors: -EINVAL (a plan that cannot be, or none for several
 * sources), -EFBIG (a limit above or in model/patch.h), -ENOMEM. */
int delta_create(const DeltaBytes *sources, size_t n_sources, const uint8_t *target, size_t size,
	const DeltaRange *plan, size_t n_plan, Buffer *ret_patch, Reason *reterr_reason);

/* Told between the phases of the work: how much of it is done, in bytes of the target. */
typedef struct DeltaWatch {
	DeltaProgress progress;
	void *userdata;
} DeltaWatch;

/* Likewise; `watch` can cancel. */
int delta_create_watched(const DeltaBytes *sources, size_t n_sources, const uint8_t *target,
	size_t size, const DeltaRange *plan, size_t n_plan, const DeltaWatch *watch,
	Buffer *ret_patch, Reason *reterr_reason);
