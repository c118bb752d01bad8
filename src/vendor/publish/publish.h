/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Publish: from drafts to a signed repository. The drafts of a base become its next improvement:
 * images of the newest one that they do not replace are carried over, every image is sealed anew
 * under the new sequence, and blobs, index, role, snapshot and timestamp are written in that order.
 * A draft must change every file that the image it replaces changes: improvements are cumulative.
 */
#include "vendor/publish/repository.h"

typedef struct Published {
	const Base *base;
	uint64_t sequence;
	size_t images;
} Published;

/* Publishes all bases that have drafts; ret_list has room for one entry a base. -ENODATA when there
 * is nothing to publish, -EINVAL when a draft would undo a fix. On failure nothing is visible to a
 * device. */
int publish_drafts(const Workspace *workspace, Repository *repository, const char *channel,
	Published *ret_list, size_t *ret_count, Reason *reterr_reason);
