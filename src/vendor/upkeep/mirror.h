/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Mirror: a copy of a repository, made by following its signed metadata. What devices go by was
 * verified from a root that the caller trusts; a source can send nothing of it that was not signed,
 * and no byte more of it than was. What tells people of fixes is copied after it, and believed as
 * far as the source is (mirror-advisories.h).
 *
 * The files get their names when they are whole and verified, content before what lists it, new
 * roots and timestamp.json last: who reads the copy meanwhile sees the old repository, then the new
 * one. Killed at any point, the next run goes on, in the middle of a blob too.
 *
 * FOLDER/.mirror is the mirror's own: the metadata that it trusts, what is half there, and the list
 * of files that it made. Nothing else is ever removed. The network is the business of suture-fetch
 * (device/fetch/request.h).
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/command.h"
#include "base/reason.h"

typedef struct MirrorOrder {
	const char *source;      /* an address, or a folder or bundle */
	const char *folder;      /* made where it is missing */
	const char *root;        /* a file: the oldest root that devices of the mirror begin with */
	const OptionList *bases; /* roles of bases; none: all */
	bool signed_only;        /* no advisories */
	bool prune;              /* remove what is not current any more, as prune.h has it */
	int keep_days;
	bool shows; /* a bar for people */
} MirrorOrder;

typedef struct MirrorCounts {
	size_t bases, indexes; /* that the source has and were wanted */
	size_t files;          /* that are new here */
	uint64_t bytes;        /* of them */
	size_t removed;
	size_t advisories; /* files that tell of fixes, and are here as the feed lists them */
	json_t *faults;    /* of them: sentences; the caller's */
} MirrorCounts;

/* -EBUSY: another run is at work there; -EEXIST: the folder has a repository that no mirror made;
 * -ENOENT: no such base, or the source lacks a file; -EKEYREJECTED and its like: what the source
 * has is not what was signed, or older than what was seen here. All with reasons. */
int mirror_run(const MirrorOrder *order, MirrorCounts *ret_counts, Reason *reterr_reason);
