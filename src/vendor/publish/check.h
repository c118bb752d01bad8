/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Check: a whole repository, as a vendor runs it from cron: metadata and their expiry as a device
 * sees them, every index, every seal, every blob's digest and size, every full payload unpacked,
 * every delta applied to the base's files. */
#include "vendor/publish/repository.h"

typedef struct CheckCounts {
	size_t indexes, improvements, images, blobs, deltas;
	uint64_t bytes; /* of blobs */
} CheckCounts;

/* -ENOENT when nothing was ever published in the channel. */
int check_repository(const Workspace *workspace, Repository *repository, const char *channel,
	CheckCounts *ret_counts, Reason *reterr_reason);
