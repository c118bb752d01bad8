/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/verity.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"

#define HASHES_PER_BLOCK  (VERITY_BLOCK_SIZE / DIGEST_SIZE)
#define VERITY_LEVELS_MAX 10 /* 128^9 blocks hold every 64-bit size */

/* One level of the tree: the hash block that is being filled. */
typedef struct Level {
	uint8_t block[VERITY_BLOCK_SIZE];
	size_t filled;  /* hashes in the block */
	uint64_t total; /* hashes ever added */
} Level;

typedef struct Tree {
	const uint8_t *salt;
	Level levels[VERITY_LEVELS_MAX];
} Tree;

static int hash_block(const Tree *tree, const uint8_t *block, Digest *ret)
{
	uint8_t salted[VERITY_SALT_SIZE + VERITY_BLOCK_SIZE];

	memcpy(salted, tree->salt, VERITY_SALT_SIZE);
	memcpy(salted + VERITY_SALT_SIZE, block, VERITY_BLOCK_SIZE);
	return digest_of(salted, sizeof(salted), ret);
}

/* Hashes the level's block, padded with zeros, into the level above, and empties it. */
static int flush_level(Tree *tree, size_t n)
{
	Level *level = &tree->levels[n], *above = &tree->levels[n + 1];
	Digest digest;
	int r = hash_block(tree, level->block, &digest);

	if (r < 0)
		return r;
	memset(level->block, 0, VERITY_BLOCK_SIZE);
	level->filled = 0;
	memcpy(above->block + above->filled * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	above->filled++;
	above->total++;
	return 0;
}

static int add_data_block(Tree *tree, const uint8_t *block)
{
	Level *lowest = &tree->levels[0];
	Digest digest;
	int r = hash_block(tree, block, &digest);

	if (r < 0)
		return r;
	memcpy(lowest->block + lowest->filled * DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	lowest->filled++;
	lowest->total++;
	for (size_t n = 0; tree->levels[n].filled == HASHES_PER_BLOCK; n++) {
		r = flush_level(tree, n);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A level that ever held more than one hash has a level above it; the lowest that held exactly one
 * hash, and has nothing below left to flush, holds the root. */
static int finish(Tree *tree, Digest *ret_root)
{
	for (size_t n = 0; n + 1 < VERITY_LEVELS_MAX; n++) {
		if (tree->levels[n].total == 1) {
			memcpy(ret_root->bytes, tree->levels[n].block, DIGEST_SIZE);
			return 0;
		}
		if (tree->levels[n].filled > 0) {
			int r = flush_level(tree, n);

			if (r < 0)
				return r;
		}
	}
	return -EFBIG;
}

int verity_root(int fd, const uint8_t salt[static VERITY_SALT_SIZE], Digest *ret_root)
{
	_cleanup_free_ Tree *tree = memory_new(sizeof(*tree));
	uint8_t block[VERITY_BLOCK_SIZE];
	uint64_t size;
	int r = fd_size(fd, &size);

	if (r < 0)
		return r;
	if (size == 0 || size % VERITY_BLOCK_SIZE != 0)
		return -EINVAL;
	if (!tree)
		return -ENOMEM;
	tree->salt = salt;
	for (uint64_t offset = 0; offset < size; offset += VERITY_BLOCK_SIZE) {
		r = fd_pread_full(fd, block, VERITY_BLOCK_SIZE, offset);
		if (r == 0)
			r = add_data_block(tree, block);
		if (r < 0)
			return r;
	}
	return finish(tree, ret_root);
}
