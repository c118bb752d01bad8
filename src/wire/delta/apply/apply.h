/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Apply: makes the target of a patch, in order, from the old files.
 *
 *     r = delta_patch_read(bytes, size, &patch, &reason);          (model/patch.h)
 *     r = delta_apply(&patch, &old_fd, 1, out_fd, NULL, NULL, &reason);
 *
 * Old files are mapped and only read. The caller must hold them still from the call to its return:
 * a file that shrinks meanwhile ends the process with SIGBUS, one that changes makes the target's
 * digest fail. Bases are read-only, so theirs are. Before anything is written every old file is
 * compared with the patch by size and digest; at the end the target's digest is compared. What was
 * written before an error is worthless: write beside, and rename after 0.
 *
 * A patch may name a large target in few bytes. The caller compares patch->target_size with what it
 * expects before it applies.
 *
 * Errors: -EINVAL (not as many sources as the patch has), -ESTALE (an old file is not the one the
 * patch was made for: take the full image), -EBADMSG (the patch is damaged), -EKEYREJECTED (what
 * came out is not the target), -ENOMEM, what reading, writing or the progress call gave.
 */
#include "base/reason.h"
#include "wire/delta/model/bytes.h"
#include "wire/delta/model/patch.h"
#include "wire/delta/model/progress.h"

/* Private memory of a call, beside the mapped files and the patch: the models and a window, for
 * executables also what their size asks for (model/predictor.h). Real updates stay below this. */
#define DELTA_APPLY_MEMORY_MAX ((size_t)16 * 1024 * 1024)

/* What a patch can make a call allocate that was made to do harm, beside what the old file's size
 * asks for. */
#define DELTA_APPLY_HOSTILE_MAX ((size_t)40 * 1024 * 1024)

/* `progress` is told after every window of output (64 KiB). NULL is allowed. */
int delta_apply(const DeltaPatch *patch, const int *sources, size_t n_sources, int output,
	DeltaProgress progress, void *userdata, Reason *reterr_reason);

/* The same over memory, for callers that have no descriptors. `write` takes the target piece by
 * piece; what it returns below 0 ends the call. */
typedef struct DeltaSink {
	int (*write)(void *userdata, const uint8_t *data, size_t size);
	DeltaProgress progress; /* NULL is allowed */
	void *userdata;
} DeltaSink;

int delta_apply_bytes(const DeltaPatch *patch, const DeltaBytes *sources, size_t n_sources,
	const DeltaSink *sink, Reason *reterr_reason);
