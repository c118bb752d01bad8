/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Ed25519 (RFC 8032, pure): checking signatures. Making them is src/vendor/sign's alone. */
#include <stddef.h>
#include <stdint.h>

#define ED25519_KEY_SIZE       32
#define ED25519_SIGNATURE_SIZE 64

/* 0 when the signature over the message is by the holder of `key`, else -EKEYREJECTED (also for a
 * key that is no point of the curve), or -ENOMEM. */
int ed25519_verify(const uint8_t key[static ED25519_KEY_SIZE],
	const uint8_t signature[static ED25519_SIGNATURE_SIZE], const void *message, size_t size);
