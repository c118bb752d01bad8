/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keyring: a folder of keys by name, wherever each really lies.
 *
 *     NAME.pem    the key itself, in plain or encrypted (vendor/sign/secretkey.h)
 *     NAME.pub    its public half, for when it is encrypted (vendor/sign/description.h)
 *     NAME.json   a key in another store (vendor/sign/external.h)
 *
 * Names become file names: lower-case letters, digits and `._+~-`, not starting with a dot; any
 * other is -EINVAL. A name without a key is -ENOENT, a new one that is taken -EEXIST. Passphrases
 * are asked for where they are needed: -EACCES when there is none or a wrong one.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"
#include "vendor/sign/external.h"
#include "vendor/sign/passphrase.h"

#define KEY_NAME_MAX 200 /* with its suffix a file name */

typedef struct Keyring {
	const char *folder;
	Passphrases passphrases; /* of the keys as they are */
	Passphrases changed;     /* what keyring_change_passphrase() sets */
} Keyring;

void keyring_done(Keyring *keyring);

/* A new ed25519 key; *ret_description as description_json() has it. */
int keyring_create(Keyring *keyring, const char *name, bool encrypted, json_t **ret_description,
	Reason *reterr_reason);

/* Keeps a key of another store under a name; `public_path` is the PEM file of its public half, and
 * external->key is set from it. */
int keyring_add(Keyring *keyring, const char *name, const char *public_path, External *external,
	json_t **ret_description, Reason *reterr_reason);

/* Makes a missing NAME.pub anew, for which it may ask for the passphrase. */
int keyring_describe(
	Keyring *keyring, const char *name, json_t **ret_description, Reason *reterr_reason);

/* All descriptions by name, each with "kind": "file", "encrypted" or "external". Asks nothing. */
int keyring_list(Keyring *keyring, json_t **ret_list, Reason *reterr_reason);

/* {"keyid", "sig"}; a signature that another store made was verified. */
int keyring_sign(Keyring *keyring, const char *name, const void *message, size_t size,
	json_t **ret_signature, Reason *reterr_reason);

/* Sets the passphrase of a key that lies here, or takes it away. */
int keyring_change_passphrase(
	Keyring *keyring, const char *name, bool remove, Reason *reterr_reason);
