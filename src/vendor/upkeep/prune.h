/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Prune: what a repository does not need any more.
 *
 * Needed is what a device can reach: every root, as one that slept for years walks them all; and
 * from each snapshot that was the newest one within the days to keep, the roles that it lists,
 * their indexes, and the blobs of all improvements in those. What else has the name of a versioned
 * metadata file, an index or a blob is not needed. Files with other names are nobody's business.
 *
 * When a snapshot was replaced is when the next one was signed, as that says itself, so the answer
 * follows from the repository and the time alone, on every copy of it.
 *
 *     prune_list(&repository, PRUNE_KEEP_DAYS, &list, &reason);
 *     prune_remove(&repository, &list, &reason);
 *     prune_list_done(&list);
 */
#include "vendor/repository/metadata.h"
#include "vendor/repository/repository.h"

/* A timestamp leads to a snapshot for 7 days at most, in a cache too, and then nobody accepts it.
 * What goes on longer is a download over a bad line that began by an index of then; and people who
 * ask what it was that they got. The snapshot's own life is four times what a device may need. */
#define PRUNE_KEEP_DAYS METADATA_SNAPSHOT_DAYS
#define PRUNE_KEEP_MIN  METADATA_TIMESTAMP_DAYS

typedef struct Prunable {
	char *name; /* below the repository */
	uint64_t size;
} Prunable;

typedef struct PruneList {
	Prunable *items; /* sorted by name */
	size_t count;
	uint64_t bytes;
} PruneList;

void prune_list_done(PruneList *list);
#define _cleanup_prune_list_ _cleanup_(prune_list_done)

/* -EINVAL with a reason below PRUNE_KEEP_MIN; -EKEYREJECTED, -EBADMSG when something that is needed
 * cannot be read: what it lists is not known then. What a part of a repository lacks is fine. */
int prune_list(
	const Repository *repository, int keep_days, PruneList *ret_list, Reason *reterr_reason);

/* Interrupted at any point, what is left is found again. Folders that become empty go too. */
int prune_remove(const Repository *repository, const PruneList *list, Reason *reterr_reason);
