/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * KeyObject: public keys as The Update Framework writes them (1.0.34, section 4.2), of the kinds in
 * crypto/publickey.h. What another key store signed is checked with them before anybody sees it.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/reason.h"
#include "crypto/ed25519.h"

/* {"keytype", "scheme", "keyval": {"public"}}; NULL when memory is short. */
json_t *keyobject_of_ed25519(const uint8_t public[static ED25519_KEY_SIZE]);

/* From a PEM text with a SubjectPublicKeyInfo (RFC 5280, section 4.1). The text goes into the
 * object in OpenSSL's form, so that a key has one keyid. -EBADMSG: no such text, or a key of
 * another kind. */
int keyobject_of_pem(const void *text, size_t size, json_t **ret_key, Reason *reterr_reason);

/* Whether the signature is the key's. One by P-256 may come as r and s of 32 bytes each, which is
 * what PKCS#11 gives (CKM_ECDSA), and is DER afterwards, as metadata has it. 0, -EKEYREJECTED (also
 * for an object that is no such key), -ENOMEM. */
int keyobject_check(const json_t *key, const void *message, size_t size, Buffer *signature);
