/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Publish: from drafts to what will be the repository. The drafts of a base become its next
 * improvement: images of the newest one that they do not replace are carried over, every image is
 * sealed anew under the new sequence, blobs and index go into the outbox, and the base's role is
 * pending. ceremony_begin() signs and publishes that.
 * A draft must change every file that the image it replaces changes: improvements are cumulative.
 * What the next one builds on, and its sequence, follow from all channels (channels.h).
 *
 * A rehearsal is an improvement that brings nothing: it carries over what its channel has, and is
 * marked below `optional`.
 */
#include "vendor/repository/channels.h"
#include "vendor/publish/ramp.h"

typedef struct PublishTerms {
	const char *channel;
	RampWish ramp;
	bool is_rehearsal;
	const char *const *bases; /* rehearsal: names, as many as base_count; none: all */
	size_t base_count;
	bool force; /* also what looks like a mistake */
} PublishTerms;

typedef struct Published {
	const Base *base;
	uint64_t sequence;
	size_t images;
	json_t *rollout; /* ramp_describe() */
	json_t *unfixed; /* CVEs that what was withdrawn before it fixed, and it does not */
} Published;

typedef struct PublishedList {
	Published *items;
	size_t count;
} PublishedList;

void published_list_done(PublishedList *list);

/* Prepares all bases that have drafts, or that are to rehearse. -ENODATA when there is nothing to
 * publish, -EINVAL when a draft would undo a fix. */
int publish_prepare(const Workspace *workspace, Repository *repository, const PublishTerms *terms,
	PublishedList *ret_list, Reason *reterr_reason);

/* Refuses a rehearsal for everybody: they would get a letter that mends nothing. */
int publish_check_rehearsal(
	const Improvement *improvement, const char *channel, bool force, Reason *reterr_reason);

/* Refuses an image that a withdrawal in the channel names; `force` forgives it. */
int publish_check_blame(const Base *base, Channel *channel, const Improvement *improvement,
	bool force, Reason *reterr_reason);
