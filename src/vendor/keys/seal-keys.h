/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SealKeys: which keys may seal improvements. WORK/device/seal.conf is the list that goes into the
 * next OS images (doc/format/seal.md); a base that was shipped earlier goes by the list in its own
 * files, and its improvements are sealed with a key of that.
 */
#include "vendor/keys/signer.h"
#include "vendor/work/workspace.h"
#include "wire/seal/policy.h"

int seal_keys_load(const Workspace *workspace, SealPolicy *ret_policy, Reason *reterr_reason);

/* The file's text for these keys, for whoever writes it. */
int seal_keys_text(const SealPolicy *policy, Buffer *buffer);
int seal_keys_save(const Workspace *workspace, const SealPolicy *policy, Reason *reterr_reason);

/* What a base demands: its own seal.conf, or the list for the next images where it has none. */
int seal_keys_of_base(const Workspace *workspace, const Base *base, SealPolicy *ret_policy,
	Reason *reterr_reason);

/* The keys as a list of keyids, so that they can be told like all others. NULL: no memory. */
json_t *seal_keys_ids(const SealPolicy *policy);

/* The ed25519 key of an entry of the signer, or of a file with a public half. -EINVAL when it is of
 * another type: a seal is checked by the small activator, which knows one. */
int seal_key_bytes(
	const json_t *entry, uint8_t ret_key[static ED25519_KEY_SIZE], Reason *reterr_reason);

/* The entry of the signer for a key; NULL when it is not held here. */
const json_t *seal_key_entry(const Signer *signer, const uint8_t key[static ED25519_KEY_SIZE]);

/* The name of the held key that seals for a base: the first that the base lists. -ENOENT with a
 * reason when none of them is held. */
int seal_keys_choose(const Workspace *workspace, const Base *base, const Signer *signer,
	char **ret_name, Reason *reterr_reason);

/* Signs with the key of that name; the caller frees the signature's text. */
int seal_keys_sign(const Signer *signer, const char *name, const void *text, size_t size,
	char **ret_signature, Reason *reterr_reason);
