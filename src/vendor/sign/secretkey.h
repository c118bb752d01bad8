/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SecretKey: ed25519 keys in a folder, one PEM file (PKCS#8) `NAME.pem` each, readable by their
 * owner alone. The only code of Suture that sees a secret key.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/reason.h"
#include "crypto/ed25519.h"

typedef struct SecretKey SecretKey;

/* Makes a new key and stores it; -EEXIST when the name is taken. */
int secretkey_create(const char *folder, const char *name, Reason *reterr_reason);

/* -EINVAL for a bad name; -ENOENT when there is none; -EACCES when others may read the file. */
int secretkey_open(
	const char *folder, const char *name, SecretKey **ret_key, Reason *reterr_reason);
SecretKey *secretkey_free(SecretKey *key); /* wipes it */
DEFINE_CLEANUP(SecretKey *, secretkey_free)

int secretkey_public(const SecretKey *key, uint8_t ret_public[static ED25519_KEY_SIZE]);
int secretkey_sign(const SecretKey *key, const void *message, size_t size,
	uint8_t ret_signature[static ED25519_SIGNATURE_SIZE]);

/* Key names become file names: lower-case letters, digits and `._+-`, not starting with a dot. */
bool secretkey_name_is_valid(const char *name);
