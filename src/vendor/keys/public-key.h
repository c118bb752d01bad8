/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * PublicKey: the public half of a key that somebody else holds, as `suture-sign create` prints it:
 * {"name", "keyid", "key": {"keytype", "scheme", "keyval": {"public"}}}. Of the types that The
 * Update Framework knows: ed25519, ecdsa (P-256) and rsa (RSA-PSS).
 */
#include <jansson.h>
#include <stdint.h>

#include "base/reason.h"

/* Strict: no other members, a known type, and the keyid must be the digest of the key. */
int public_key_load(const char *path, json_t **ret_entry, Reason *reterr_reason);

/* The entry {"name", "keyid", "key"} of an ed25519 key; `name` may be "". NULL: no memory. */
json_t *public_key_of_bytes(const char *name, const uint8_t *bytes);
