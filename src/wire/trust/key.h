/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keys, and how many of them must have signed (The Update Framework 1.0.34, sections 4.2 and 4.3).
 *
 * A delegator (root, or a targets role) lists keys, and for a role which of them count and how many
 * must agree. Distinct keys are counted, not signatures and not keyids: the same key under two
 * keyids counts once.
 *
 * A keyid is the SHA-256 of the key object in canonical form, members included that the
 * specification does not have (4.2: "clients MUST calculate each KEYID"). A key under another id
 * does not count, and is no error by itself.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "crypto/digest.h"

/* Keys of one role, and signatures in one document: tuf-on-ci repositories have about ten, one for
 * each keyholder. What has more is refused before anything is verified. */
#define KEY_COUNT_MAX 256

/* The keyid of a key object. */
int key_id(const json_t *key, Digest *ret_id);

/* Whether the members of a role that say who signs are well-formed: `keyids`, an array of texts,
 * and `threshold`, an integer from 1 up. */
bool key_role_is_good(const json_t *role);

/* Verifies that `threshold` distinct keys of `role` signed the envelope's `signed` part.
 *   keys:     object keyid → key, of the delegator
 *   role:     object with `keyids` and `threshold`, of the delegator; NULL: it names nobody
 *   envelope: object with `signatures` and `signed`, from envelope_parse()
 * A key that is malformed or of an unknown kind cannot sign; that it is listed is no error. 0,
 * -EKEYREJECTED with a reason, -EBADMSG for a part that has no canonical form, or -ENOMEM. */
int key_verify_envelope(const json_t *keys, const json_t *role, const json_t *envelope,
	const char *name, Reason *reterr_reason);
