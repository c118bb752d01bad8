/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Seal: the vendor's short signed text that proves one image of an improvement, without JSON and
 * without a clock, so that the static activator can check it at boot. doc/format/seal.md has the
 * bytes.
 *
 *     r = seal_verify(text, size, signature, key);            verify first,
 *     if (r == 0)
 *             r = seal_parse(text, size, &seal, &reason);     parse after
 *
 * "part 1/2" binds the images of an improvement together: only all parts together, each with the
 * same product, base key and sequence, prove a generation (device/store/proof.h).
 *
 * No call allocates; a Seal may be copied. Malformed text is -EBADMSG with a reason.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/reason.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/verity.h"

#define SEAL_TEXT_MAX        1024       /* read before anything is trusted: one small page */
#define SEAL_NAME_MAX        64         /* a product or component: fits a file name with room */
#define SEAL_BASE_MAX        128        /* a base key: version, image version, variant, machine */
#define SEAL_DIRECTORIES_MAX 16         /* grafting rule 1 */
#define SEAL_PARTS_MAX       64         /* images in one generation; an overlay takes 500 layers */
#define SEAL_SEQUENCE_MAX    2147483647 /* fits every reader's signed 32-bit integer */

typedef struct Seal {
	char product[SEAL_NAME_MAX + 1];
	char base[SEAL_BASE_MAX + 1];
	uint32_t sequence; /* from 1 */
	char component[SEAL_NAME_MAX + 1];
	unsigned part, parts; /* 1 ≤ part ≤ parts */
	Digest image;
	uint64_t size; /* of the image, in bytes */
	Digest verity_root;
	uint8_t verity_salt[VERITY_SALT_SIZE];
	size_t directory_count; /* use seal_add_directory() and seal_directory() */
	uint16_t directory_at[SEAL_DIRECTORIES_MAX];
	char directory_text[SEAL_TEXT_MAX + 1];
} Seal;

int seal_parse(const void *text, size_t size, Seal *ret, Reason *reterr_reason);

/* Appends the text. The seal must hold what a reader would accept: -EINVAL with a reason if not. */
int seal_write(const Seal *seal, Buffer *buffer, Reason *reterr_reason);

/* 0, or -EKEYREJECTED. */
int seal_verify(const void *text, size_t size,
	const uint8_t signature[static ED25519_SIGNATURE_SIZE],
	const uint8_t key[static ED25519_KEY_SIZE]);

/* Directories are relative to the root, sorted by bytes, and none lies in another: add them in
 * order. -EINVAL with a reason for one that may not be grafted, -E2BIG when there are too many. */
int seal_add_directory(Seal *seal, const char *directory, Reason *reterr_reason);
const char *seal_directory(const Seal *seal, size_t index);

/* Whether images may be grafted over this directory at all (grafting rules 1 and 6): a normal path
 * below usr or opt, not one of the great common folders, nothing of /etc or /usr/local, and nothing
 * that holds Suture's own files. The publisher and the activator share this call. 0 or -EINVAL with
 * the reason. */
int graft_directory_check(const char *directory, Reason *reterr_reason);

/* Whether an image may carry this file: not one of Suture's own, and not the machine-read identity.
 * 0 or -EINVAL with the reason. */
int graft_file_check(const char *path, Reason *reterr_reason);

/* A product, component, or part of a base key: 1 to SEAL_NAME_MAX of [a-z0-9._-]. */
bool seal_name_is_valid(const char *name);
/* The same with '+', which stands before an image version; up to SEAL_BASE_MAX. */
bool seal_base_is_valid(const char *base);
