/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Tree: the bytes of files of a root folder. Links are not followed in the last component. */
#include "crypto/digest.h"

/* ret_size may be NULL. 0 or a negative errno. */
int tree_digest(const char *root, const char *path, Digest *ret_digest, uint64_t *ret_size);

/* A file in memory, read as it is needed. */
typedef struct TreeBytes {
	uint8_t *data; /* NULL for an empty file */
	uint64_t size;
} TreeBytes;

int tree_map(const char *full_path, TreeBytes *ret_bytes);
void tree_bytes_done(TreeBytes *bytes);
#define _cleanup_tree_bytes_ _cleanup_(tree_bytes_done)

/* The first path below the root, relative to it, that matches the pattern of glob(7); NULL: none.
 * The caller frees. 0 or -ENOMEM. */
int tree_find(const char *root, const char *pattern, char **ret_path);
