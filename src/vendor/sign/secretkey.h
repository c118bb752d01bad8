/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SecretKey: ed25519 keys in a folder, one PEM file (PKCS#8) `NAME.pem` each, readable by their
 * owner alone. The only code of Suture that sees a secret key.
 *
 *     r = secretkey_load(folder, name, &key, reason);      reads the file
 *     r = secretkey_unlock(key, passphrase, reason);       finds the key in it
 *     r = secretkey_sign(key, …);
 *
 * The key of a file without a passphrase is unlocked with NULL.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/reason.h"
#include "crypto/ed25519.h"
#include "vendor/sign/secret.h"

typedef struct SecretKey SecretKey;

/* Makes a new key, unlocked and in no file yet. */
int secretkey_new(const char *folder, const char *name, SecretKey **ret_key, Reason *reterr_reason);

/* Writes the unlocked key's file, in plain or (passphrase not NULL) encrypted, replacing what is
 * there in one step. Makes the folder when it is missing. */
int secretkey_store(const SecretKey *key, const Secret *passphrase, Reason *reterr_reason);

/* -ENOENT when there is none; -EACCES when others may read the file; -EBADMSG. */
int secretkey_load(
	const char *folder, const char *name, SecretKey **ret_key, Reason *reterr_reason);
bool secretkey_is_encrypted(const SecretKey *key); /* as it was loaded */

/* -EACCES: not its passphrase; -EBADMSG: no ed25519 key. */
int secretkey_unlock(SecretKey *key, const Secret *passphrase, Reason *reterr_reason);

SecretKey *secretkey_free(SecretKey *key); /* wipes it */
DEFINE_CLEANUP(SecretKey *, secretkey_free)

/* Of an unlocked key. */
int secretkey_public(const SecretKey *key, uint8_t ret_public[static ED25519_KEY_SIZE]);
int secretkey_sign(const SecretKey *key, const void *message, size_t size,
	uint8_t ret_signature[static ED25519_SIGNATURE_SIZE]);
