/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Pkcs8: the text of a key file. PEM (RFC 7468) of an ed25519 key (RFC 8410, section 7), in plain
 * or under a passphrase (RFC 5958 EncryptedPrivateKeyInfo; PBES2 of RFC 8018).
 *
 * What is secret is read and written here instead of by OpenSSL's readers, which go through memory
 * that is neither locked nor always wiped. No I/O.
 */
#include <stdbool.h>

#include "vendor/sign/secret.h"

#define PKCS8_SEED_SIZE 32   /* an ed25519 secret key: 32 random bytes */
#define PKCS8_TEXT_MAX  4096 /* in plain 119 bytes, encrypted about 400 */

bool pkcs8_is_encrypted(const Secret *text);

/* The seed of a key. `passphrase` is NULL for none. 0; -EBADMSG: not such a text; -EACCES: not the
 * passphrase that it needs, or none; -ENOMEM. */
int pkcs8_read(const Secret *text, const Secret *passphrase, Secret *ret_seed);

/* The other way; encrypted with AES-256 under a key derived by scrypt when there is a passphrase.
 */
int pkcs8_write(const Secret *seed, const Secret *passphrase, Secret *ret_text);
