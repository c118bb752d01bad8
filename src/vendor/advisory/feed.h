/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Feed: all improvements that were ever public, by base, for programs that watch a fleet
 * (doc/format/feed.md). It is derived and not signed: what devices go by is the index.
 */
#include "vendor/advisory/advisory.h"
#include "vendor/advisory/feed-files.h"

/* What is said of a registered base, from its index. */
typedef struct FeedBase {
	char *product, *base, *version;
	int64_t supported_until; /* 0: not stated */
	char *superseded_by;     /* VERSION_ID, or NULL */
} FeedBase;

typedef struct FeedBases {
	FeedBase *items;
	size_t count;
} FeedBases;

void feed_bases_done(FeedBases *bases);
#define _cleanup_feed_bases_ _cleanup_(feed_bases_done)
int feed_bases_add(FeedBases *bases, const Index *index); /* 0 or -ENOMEM */

/* `files`: all that lies beside it, sorted. A new reference; NULL: no memory. */
json_t *feed_document(const AdvisoryList *list, const FeedBases *bases, const FeedFiles *files,
	const Vendor *vendor, int64_t now);
