/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Verity: hash trees over a file, of SHA-256 and blocks of 4096 bytes.
 *
 * The salt is padded with zeros to a block of SHA-256, 64 bytes, before it is put in front of each
 * block. That is what fs-verity does with a salt of 32 bytes
 * (Documentation/filesystems/fsverity.rst of the kernel), and what dm-verity does with one of 64
 * bytes whose second half is zero (format version 1, admin-guide/device-mapper/verity.rst). The
 * trees are the same to the byte, so that one signed root proves an image to whichever of the two a
 * kernel has.
 */
#include <stddef.h>
#include <stdint.h>

#include "crypto/digest.h"

#define VERITY_BLOCK_SIZE       4096
#define VERITY_SALT_SIZE        32
#define VERITY_PADDED_SALT_SIZE 64

/* The root over the whole file, whose size must be a positive multiple of the block size (-EINVAL).
 */
int verity_root(int fd, const uint8_t salt[static VERITY_SALT_SIZE], Digest *ret_root);

/* The same, and writes the tree to `tree` as dm-verity reads it: no superblock, the top level
 * first, at offset 0. */
int verity_tree(int fd, const uint8_t salt[static VERITY_SALT_SIZE], int tree, Digest *ret_root);

/* The digest that FS_IOC_MEASURE_VERITY gives of a file with this root: SHA-256 of its descriptor.
 */
int verity_file_digest(const Digest *root, const uint8_t salt[static VERITY_SALT_SIZE],
	uint64_t size, Digest *ret_digest);
