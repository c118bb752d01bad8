/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * FeedFiles: what the feed lists of the files beside it (doc/format/feed.md): all that tells of
 * fixes and may be copied. Nobody signed the feed, so what is read of it is bounded, and a path in
 * it can name nothing but such a file.
 */
#include "base/reason.h"
#include "vendor/advisory/links.h"

#define FEED_NAME LINKS_ADVISORIES "feed.json"

/* A vendor with 1000 bases and 20 improvements of each has 1.1 million values in 40 MB. */
#define FEED_SIZE_MAX   ((size_t)64 << 20)
#define FEED_VALUES_MAX ((size_t)2000000)

#define FEED_FILES_MAX     200000
#define FEED_FILE_SIZE_MAX ((size_t)16 << 20) /* an advisory for 1000 bases has 2 MB */

typedef struct FeedFile {
	char *path; /* below the repository */
	Digest sha256;
	size_t size;
} FeedFile;

typedef struct FeedFiles {
	FeedFile *items;
	size_t count;
	json_t *known; /* path → its number, as JSON */
} FeedFiles;

void feed_files_done(FeedFiles *files);
#define _cleanup_feed_files_ _cleanup_(feed_files_done)

/* Reads the feed's bytes. 0, -EBADMSG with a reason, -ENOMEM. The caller owns the reference. */
int feed_parse(const void *data, size_t size, json_t **ret_feed, Reason *reterr_reason);

/* What the feed lists. -EBADMSG with a reason that names the file, where a path may not be there or
 * is there twice. */
int feed_files_read(const json_t *feed, FeedFiles *ret_files, Reason *reterr_reason);

/* 0 or -ENOMEM. A path that is there already gets the new bytes. */
int feed_files_add(FeedFiles *files, const char *path, const void *data, size_t size);
int feed_files_copy(FeedFiles *files, const FeedFile *file);

const FeedFile *feed_files_find(const FeedFiles *files, const char *path); /* or NULL */

/* By path. */
void feed_files_sort(FeedFiles *files);

/* "advisories/…" or ".well-known/csaf/…", in small letters and of a kind that this folder's writers
 * make; not the feed itself. */
bool feed_is_path(const char *path);

/* The list for the feed; a new reference. NULL: no memory. */
json_t *feed_files_json(const FeedFiles *files);
