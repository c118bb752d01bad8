/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Signer: the publisher's side of suture-sign. Bytes go out, signatures come back; no secret key is
 * ever opened in this process.
 *
 * A role's keys are named ROLE-1, ROLE-2, …: `root-1.pem`, `exampleos_26.3.1_x86_64-1.pem`.
 */
#include <jansson.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/reason.h"
#include "crypto/ed25519.h"

typedef struct Signer {
	char *program;
	const char *keys; /* folder */
	json_t *list;     /* what `suture-sign list` printed */
	int passphrase;   /* a file with the keys' passphrase (publish/passphrase.h), or 0; owned */
} Signer;

/* Creates the folder's list. The folder need not exist yet for `may_be_new`. */
int signer_open(Signer *signer, const char *keys, bool may_be_new, Reason *reterr_reason);
void signer_done(Signer *signer);

/* Makes ROLE-1 … ROLE-count where they do not exist yet. */
int signer_create_keys(Signer *signer, const char *role, unsigned count, Reason *reterr_reason);

/* An object keyid → key of the role's keys. NULL when memory is short; empty when it has none. */
json_t *signer_public_keys(const Signer *signer, const char *role);

/* The list of signatures by all of the role's keys over the bytes. -ENOENT when it has no key here.
 */
int signer_sign(const Signer *signer, const char *role, const void *message, size_t size,
	json_t **ret_signatures, Reason *reterr_reason);

/* The envelope {"signatures", "signed"} of a metadata body, as file bytes. */
int signer_envelope(const Signer *signer, const char *role, json_t *body, Buffer *ret_bytes,
	Reason *reterr_reason);
