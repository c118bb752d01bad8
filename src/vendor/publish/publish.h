/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Publish: from drafts to what will be the repository. The drafts of a base become its next
 * improvement: images of the newest one that they do not replace are carried over, every image is
 * sealed anew under the new sequence, blobs and index go into the outbox, and the base's role is
 * pending. ceremony_begin() signs and publishes that.
 * A draft must change every file that the image it replaces changes: improvements are cumulative.
 */
#include "vendor/publish/repository.h"

typedef struct Published {
	const Base *base;
	uint64_t sequence;
	size_t images;
} Published;

/* Prepares all bases that have drafts; ret_list has room for one entry a base. -ENODATA when there
 * is nothing to publish, -EINVAL when a draft would undo a fix. */
int publish_drafts(const Workspace *workspace, Repository *repository, const char *channel,
	Published *ret_list, size_t *ret_count, Reason *reterr_reason);
