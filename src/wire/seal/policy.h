/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SealPolicy: what the base demands of a seal. The base's own file usr/lib/suture/seal.conf says
 * it:
 *
 *     # a comment
 *     seal required
 *     key 8a5d…            one ed25519 key per line, in hex
 *     verity required      every read of an image is verified by the kernel (dm-verity or
 * fs-verity)
 *
 * Keys without a `seal` line mean `seal required`. No file, an empty one, or `seal digest-only`
 * means that images are only compared with the record's digests; `suture-activate status` says so.
 * Keys beside `seal digest-only` contradict each other and are refused.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"
#include "crypto/ed25519.h"

#define SEAL_POLICY_PATH     "usr/lib/suture/seal.conf"
#define SEAL_POLICY_SIZE_MAX 65536 /* a page of keys and a page of licence text */
#define SEAL_KEYS_MAX        8     /* the present key, the next, and a few products' */

typedef struct SealPolicy {
	bool required;
	bool verity_required; /* hashing an image once, before it is mounted, is not enough */
	size_t key_count;
	uint8_t keys[SEAL_KEYS_MAX][ED25519_KEY_SIZE];
} SealPolicy;

int seal_policy_parse(const void *text, size_t size, SealPolicy *ret, Reason *reterr_reason);

/* 0 when one of the keys signed the text, or when no seal is required; else -EKEYREJECTED. */
int seal_policy_verify(const SealPolicy *policy, const void *text, size_t size,
	const uint8_t signature[static ED25519_SIGNATURE_SIZE]);
