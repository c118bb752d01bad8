/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bundle: one file with all that the devices of one base need, for a USB stick or over an air gap:
 * every version of root, so that a device that slept for years can follow, the present timestamp,
 * snapshot and targets, the base's role, its index, and the blobs.
 *
 * It is a POSIX ustar archive, not compressed and without extensions: members in sorted order under
 * the repository's own relative names, mode 0644, owner 0, one time for all of them. The same
 * repository gives the same bytes.
 */
#include "vendor/repository/repository.h"

typedef struct BundleCounts {
	size_t files;
	uint64_t bytes; /* of the files */
} BundleCounts;

/* `sequence` 0: all improvements that the index lists. The repository is opened for now, expiry
 * included: a bundle of expired metadata would be refused by every device. -ENOENT with a reason
 * when there is no such improvement. */
int bundle_write(Repository *repository, const Base *base, const char *channel, uint64_t sequence,
	const char *path, BundleCounts *ret_counts, Reason *reterr_reason);
