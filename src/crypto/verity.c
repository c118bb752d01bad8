/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/verity.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"

#define HASHES_PER_BLOCK  (VERITY_BLOCK_SIZE / DIGEST_SIZE)
#define VERITY_LEVELS_MAX 10 /* 128^9 blocks hold every 64-bit size */

/* struct fsverity_descriptor of linux/fsverity.h, which the kernel hashes and does not export */
#define DESCRIPTOR_SIZE    256
#define DESCRIPTOR_ROOT_AT 16
#define DESCRIPTOR_SALT_AT 80

/* One level of the tree: the hash block that is being filled. */
typedef struct Level {
	uint8_t block[VERITY_BLOCK_SIZE];
	size_t filled;  /* hashes in the block */
	uint64_t total; /* hashes ever added */
	uint64_t next;  /* block of the tree's file that this one will be */
} Level;

typedef struct Tree {
	const uint8_t *salt;
	int file; /* that the tree is written to; -1: none */
	Level levels[VERITY_LEVELS_MAX];
} Tree;

static int hash_block(const Tree *tree, const uint8_t *block, Digest *ret)
{
	uint8_t salted[VERITY_PADDED_SALT_SIZE + VERITY_BLOCK_SIZE] = {};

	memcpy(salted, tree->salt, VERITY_SALT_SIZE);
	memcpy(salted + VERITY_PADDED_SALT_SIZE, block, VERITY_BLOCK_SIZE);
	return digest_of(salted, sizeof(salted), ret);
}

/* Hashes the level's block, padded with zeros, into the level above, and empties it. */
static int flush_level(Tree *tree, size_t n)
{
	Level *level = &tree->levels[n], *above = &tree->levels[n + 1];
	Digest digest;
	int r = hash_block(tree, level->block, &digest);

	if (r == 0 && tree->file >= 0)
		r = fd_pwrite_full(tree->file, level->block, VERITY_BLOCK_SIZE,
			level->next++ * VERITY_BLOCK_SIZE);
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

/* The top level comes first in the file, the one over the data last. */
static void place_levels(Tree *tree, uint64_t blocks)
{
	uint64_t counts[VERITY_LEVELS_MAX], next = 0;
	size_t levels = 0;

	while (blocks > 1) {
		blocks = (blocks + HASHES_PER_BLOCK - 1) / HASHES_PER_BLOCK;
		counts[levels++] = blocks;
	}
	while (levels-- > 0) {
		tree->levels[levels].next = next;
		next += counts[levels];
	}
}

int verity_tree(int fd, const uint8_t salt[static VERITY_SALT_SIZE], int tree, Digest *ret_root)
{
	_cleanup_free_ Tree *made = memory_new(sizeof(*made));
	uint8_t block[VERITY_BLOCK_SIZE];
	uint64_t size;
	int r = fd_size(fd, &size);

	if (r < 0)
		return r;
	if (size == 0 || size % VERITY_BLOCK_SIZE != 0)
		return -EINVAL;
	if (!made)
		return -ENOMEM;
	made->salt = salt;
	made->file = tree;
	place_levels(made, size / VERITY_BLOCK_SIZE);
	for (uint64_t offset = 0; offset < size; offset += VERITY_BLOCK_SIZE) {
		r = fd_pread_full(fd, block, VERITY_BLOCK_SIZE, offset);
		if (r == 0)
			r = add_data_block(made, block);
		if (r < 0)
			return r;
	}
	return finish(made, ret_root);
}

int verity_root(int fd, const uint8_t salt[static VERITY_SALT_SIZE], Digest *ret_root)
{
	return verity_tree(fd, salt, -1, ret_root);
}

static void put_little_endian(uint8_t *to, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(number >> 8 * i);
}

int verity_file_digest(const Digest *root, const uint8_t salt[static VERITY_SALT_SIZE],
	uint64_t size, Digest *ret_digest)
{
	/* version 1, SHA-256, 2^12 bytes a block, length of the salt; no signature follows */
	uint8_t descriptor[DESCRIPTOR_SIZE] = {1, 1, 12, VERITY_SALT_SIZE};

	put_little_endian(descriptor + 8, size, sizeof(size));
	memcpy(descriptor + DESCRIPTOR_ROOT_AT, root->bytes, DIGEST_SIZE);
	memcpy(descriptor + DESCRIPTOR_SALT_AT, salt, VERITY_SALT_SIZE);
	return digest_of(descriptor, sizeof(descriptor), ret_digest);
}
