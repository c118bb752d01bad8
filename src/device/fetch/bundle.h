/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bundle: a repository's files in one archive, to be carried to where no network is
 * (doc/format/bundle.md). A POSIX ustar archive (IEEE Std 1003.1, pax, "ustar Interchange Format")
 * of the strictest kind: regular files below metadata/, targets/ and blobs/, nothing else.
 *
 * The reader believes nothing: who made the medium is unknown, and what comes out is verified by
 * whoever asked. The whole archive is looked through for each name, so that a damaged one is
 * refused whatever is asked of it first.
 */
#include <stdint.h>

#include "base/reason.h"

#define BUNDLE_BLOCK_SIZE  512
#define BUNDLE_NAME_SIZE   257   /* 155 and 100 bytes, a slash and a NUL */
#define BUNDLE_MEMBERS_MAX 65536 /* of a whole repository; one base has some hundreds */
#define BUNDLE_TAIL_MAX    20480 /* tar fills its last record of 10240 bytes with empty blocks */

typedef struct BundleMember {
	uint64_t offset, size; /* in the archive */
} BundleMember;

/* -ENOENT without a reason: no such member; -EBADMSG: not a bundle, or a damaged one. */
int bundle_find(int fd, const char *name, BundleMember *ret_member, Reason *reterr_reason);

/* One header block, pure. -EBADMSG with a static text of what is wrong in *ret_wrong. */
int bundle_parse_header(const uint8_t block[static BUNDLE_BLOCK_SIZE],
	char ret_name[static BUNDLE_NAME_SIZE], uint64_t *ret_size, const char **ret_wrong);
