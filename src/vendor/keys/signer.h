/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Signer: the publisher's side of suture-sign. Bytes go out, signatures come back; no secret key is
 * ever opened in this process.
 *
 * Keys are made under the names ROLE-1, ROLE-2, …: `root-1`, `exampleos_26.3.1_x86_64-1`. Which key
 * signs what is decided by the metadata, by keyid, and never by a name.
 */
#include <jansson.h>
#include <stdbool.h>

#include "base/command.h"
#include "base/reason.h"

#define SIGNER_NAMES_MAX (COMMAND_WORDS_MAX - 1) /* that suture-sign takes behind its verb */

typedef struct Signer {
	char *program;
	const char *keys; /* folder */
	json_t *list;     /* what `suture-sign list` printed: entries {"name", "keyid", "key"} */
	int passphrase;   /* a file with the keys' passphrase (publish/passphrase.h), or 0; owned */
} Signer;

/* Creates the folder's list. The folder need not exist yet for `may_be_new`. */
int signer_open(Signer *signer, const char *keys, bool may_be_new, Reason *reterr_reason);
void signer_done(Signer *signer);

/* Makes ROLE-1 … ROLE-count where they do not exist yet. */
int signer_create_keys(Signer *signer, const char *role, unsigned count, Reason *reterr_reason);

/* Makes the key ROLE-N with the first N that is free here and in `names` (keyid → name): a name
 * that was ever somebody's is not used again. The entry lives until the next key is made. */
int signer_create_next(Signer *signer, const char *role, const json_t *names,
	const json_t **ret_entry, Reason *reterr_reason);

/* An object keyid → key of the keys that are named after the role. NULL when memory is short; empty
 * when there are none. */
json_t *signer_public_keys(const Signer *signer, const char *role);

/* The entry whose "name" or "keyid" is `value`; NULL when it is not held here. */
const json_t *signer_find(const Signer *signer, const char *member, const char *value);
const char *signer_name_of(const Signer *signer, const char *keyid);

/* The list of signatures, {"keyid", "sig"}, by the keys of these names over the bytes. */
int signer_sign(const Signer *signer, const json_t *names, const void *message, size_t size,
	json_t **ret_signatures, Reason *reterr_reason);
