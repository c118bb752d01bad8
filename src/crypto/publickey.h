/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * PublicKey: the kinds of keys and signatures that The Update Framework names
 * (specification 1.0.34, section 4.2). The static activator knows ed25519 alone and does without
 * this file.
 *
 *     r = public_key_new("ecdsa", "ecdsa-sha2-nistp256", pem, &key);
 *     r = public_key_verify(key, signature, signature_size, message, size);
 *
 * | type                           | scheme              | text                            |
 * | ed25519                        | ed25519             | 64 hexadecimal digits           |
 * | ecdsa, ecdsa-sha2-nistp256     | ecdsa-sha2-nistp256 | PEM, on the curve P-256 only    |
 * | rsa                            | rsassa-pss-sha256   | PEM, of 2048 to 16384 bits      |
 *
 * PEM is a SubjectPublicKeyInfo (RFC 7468, section 13) with white space around it and nothing else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

#define PUBLIC_KEY_TEXT_MAX      4096  /* bytes; an RSA key of 16384 bits has about 2900 */
#define PUBLIC_KEY_RSA_BITS_MIN  2048  /* the specification's */
#define PUBLIC_KEY_RSA_BITS_MAX  16384 /* libcrypto verifies no larger ones */
#define PUBLIC_KEY_SIGNATURE_MAX (PUBLIC_KEY_RSA_BITS_MAX / 8) /* bytes, of any scheme */

typedef struct PublicKey PublicKey;

/* 0; -EBADMSG for a text that is no such key, -EOPNOTSUPP for a type or scheme that is not listed
 * above, -ENOMEM. */
int public_key_new(const char *type, const char *scheme, const char *text, PublicKey **ret_key);
PublicKey *public_key_free(PublicKey *key);
DEFINE_CLEANUP(PublicKey *, public_key_free)

/* Whether both are one key, however their texts spell it: a point has a compressed form, base64
 * allows line ends. */
bool public_key_equal(const PublicKey *a, const PublicKey *b);

/* 0 when the signature (raw for ed25519, DER for ecdsa) over the message is by the holder of the
 * key, else -EKEYREJECTED, or -ENOMEM. */
int public_key_verify(const PublicKey *key, const void *signature, size_t signature_size,
	const void *message, size_t size);
