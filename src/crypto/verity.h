/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Verity: the root of a dm-verity hash tree (format version 1, SHA-256, blocks of 4096 bytes; see
 * Documentation/admin-guide/device-mapper/verity.rst of the kernel and cryptsetup's on-disk
 * specification), computed without writing the tree. */
#include <stddef.h>
#include <stdint.h>

#include "crypto/digest.h"

#define VERITY_BLOCK_SIZE 4096
#define VERITY_SALT_SIZE  32

/* The root over the whole file, whose size must be a positive multiple of the block size (-EINVAL).
 */
int verity_root(int fd, const uint8_t salt[static VERITY_SALT_SIZE], Digest *ret_root);
