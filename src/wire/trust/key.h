/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keys, and how many of them must have signed (The Update Framework 1.0.34, sections 4.2 and 4.3).
 *
 * A delegator (root, or a targets role) lists keys, and for a role which of them count and how many
 * must agree. Distinct keys are counted, not signatures and not keyids: the same key under two
 * keyids, or twice under one, counts once.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"

#define KEY_COUNT_MAX      64  /* keys of one role; tuf-on-ci repositories have about ten */
#define KEY_SIGNATURES_MAX 256 /* looked at in one document: junk costs time, not safety */

/* The keyid of a key object: SHA-256 of its canonical form. */
int key_id(const json_t *key, Digest *ret_id);

/* Verifies that `threshold` distinct keys of `role` signed the envelope's `signed` part.
 *   keys:     object keyid → key, of the delegator
 *   role:     object with `keyids` and `threshold`, of the delegator
 *   envelope: object with `signatures` and `signed`
 * 0, -EKEYREJECTED with a reason (also for a threshold below 1), or -ENOMEM. */
int key_verify_envelope(const json_t *keys, const json_t *role, const json_t *envelope,
	const char *name, Reason *reterr_reason);
