/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * MirrorAdvisories: what tells of fixes, copied beside the signed part of a mirror.
 *
 * Nobody signed it, so it is believed as far as the source is: the feed says which files there are
 * (vendor/advisory/feed-files.h), of which names and sizes, and each must be the bytes that it
 * says. Nothing else is asked for, and nothing is written but "advisories/…" and
 * ".well-known/csaf/…". Whether it says what is signed is for `check` to find out.
 *
 * What fails here is told and fails nothing else; a file that could not be had stays as it was.
 * Files that are here as they should be are not fetched again, so a killed run goes on. What
 * somebody else put there is left alone.
 */
#include "device/fetch/fetcher.h"
#include "vendor/advisory/feed-files.h"
#include "vendor/upkeep/mirror-folder.h"

#define MIRROR_ADVISORIES_SIZE_MAX ((uint64_t)1 << 30) /* all together; 1000 bases have 100 MB */
#define MIRROR_FAULTS_MAX          100                 /* that are told */

typedef struct MirrorAdvisories {
	MirrorFolder *folder;
	Fetcher *fetcher;
	const char
		*place; /* a source that is a folder or a file here, or NULL; a bundle has none */

	/* filled */
	FeedFiles files; /* of the source's feed; nothing where there is none */
	bool has_feed;
	size_t good;    /* files that are here as they should be */
	json_t *faults; /* sentences */
} MirrorAdvisories;

/* 0 also where there are faults; else memory is short, or the folder cannot be written. */
int mirror_advisories_copy(MirrorAdvisories *advisories, Reason *reterr_reason);

/* Removes what a mirror made here and the feed does not list any more; without a feed nothing. */
int mirror_advisories_prune(
	const MirrorAdvisories *advisories, size_t *ret_removed, Reason *reterr_reason);

void mirror_advisories_done(MirrorAdvisories *advisories);
