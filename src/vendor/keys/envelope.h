/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Envelope: a metadata file on its way to enough signatures: {"signatures", "signed"} as The Update
 * Framework has it, so that any of its tools can sign one too.
 *
 * Until it is complete, keys that may sign and have not are listed with an empty signature. That is
 * how whoever holds one of them, on a machine without the repository, learns that it is asked for.
 */
#include <jansson.h>

#include "vendor/keys/signer.h"

#define ENVELOPE_SIZE_MAX                                                                          \
	((size_t)5 << 20) /* above every limit of a role in wire/trust/trust.h                     \
			   */

/* Who may sign a role, as root or a targets role says it. Borrowed from there. */
typedef struct Authority {
	const json_t *keys; /* keyid → key */
	const json_t *role; /* `keyids` and `threshold` */
} Authority;

/* A new root needs two of them: the old root's keys, and its own. */
#define ENVELOPE_AUTHORITIES_MAX 2
typedef struct Authorities {
	Authority items[ENVELOPE_AUTHORITIES_MAX];
	size_t count;
} Authorities;

bool authority_lists(const Authority *authority, const char *keyid);
json_int_t authority_threshold(const Authority *authority);

/* Takes a reference of the body. NULL when memory is short. */
json_t *envelope_new(json_t *body);

/* An envelope of a file. -EBADMSG with a reason when it is none. */
int envelope_read(const char *path, json_t **ret_envelope, Reason *reterr_reason);
int envelope_write(const char *path, const json_t *envelope, Reason *reterr_reason);

/* 1 when the key has signed, 0 when not, or -ENOMEM. */
int envelope_is_signed_by(const json_t *envelope, const Authority *authority, const char *keyid);

/* 0 when enough keys of every authority have signed, -EKEYREJECTED with a reason if not. */
int envelope_verify(const json_t *envelope, const Authorities *authorities, const char *role,
	Reason *reterr_reason);

/* How many signatures an authority still wants; negative: -ENOMEM. */
int envelope_missing(const json_t *envelope, const Authority *authority);

/* Sets or replaces one signature; "" where a key is asked for. */
int envelope_set_signature(json_t *envelope, const char *keyid, const char *signature);

/* Asks every key of the authorities that has not signed, by an empty signature. -EBADMSG when a
 * keyid is none, or they are more than KEY_COUNT_MAX: a carried root says itself who signs it. */
int envelope_ask(json_t *envelope, const Authorities *authorities);

/* Signs with those of the asked keys that the signer holds; with `names` (a list) instead with
 * these, which it must hold. ret_names: a list of those that signed now. */
int envelope_sign(json_t *envelope, const Signer *signer, const json_t *names, json_t **ret_names,
	Reason *reterr_reason);

/* Takes the empty signatures out: what is published has none. */
void envelope_finish(json_t *envelope);
