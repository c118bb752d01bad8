/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Digest512: SHA-512 (FIPS 180-4) of memory, for the files of vendors whose tools list no SHA-256.
 * What Suture makes has SHA-256 (crypto/digest.h). The text form is 128 lower-case digits. */
#include <stddef.h>
#include <stdint.h>

#define DIGEST512_SIZE      64
#define DIGEST512_TEXT_SIZE 129 /* with its NUL */

typedef struct Digest512 {
	uint8_t bytes[DIGEST512_SIZE];
} Digest512;

int digest512_of(const void *data, size_t size, Digest512 *ret); /* 0 or -EIO */
