/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
#include "wire/json/document.h"

typedef struct PublicKey {
	uint8_t bytes[ED25519_KEY_SIZE];
	bool has_signed;
} PublicKey;

int key_id(const json_t *key, Digest *ret_id)
{
	_cleanup_buffer_ Buffer canonical = {};
	int r = document_canonical(key, &canonical);

	return r < 0 ? r : digest_of(canonical.data, canonical.size, ret_id);
}

/* 1 when it does, 0 when not, or -ENOMEM. */
static int keyid_matches(const char *keyid, const json_t *key)
{
	char text[DIGEST_TEXT_SIZE];
	Digest id;
	int r = json_is_object(key) ? key_id(key, &id) : -EBADMSG;

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	digest_to_text(&id, text);
	return strcmp(text, keyid) == 0;
}

/* Returns false for a key of a type that is not supported here: it cannot sign anything for us, but
 * its presence is no error, so that a repository may migrate. */
static bool read_key(const json_t *key, uint8_t ret_bytes[static ED25519_KEY_SIZE])
{
	const char *type = json_string_value(json_object_get(key, "keytype"));
	const char *scheme = json_string_value(json_object_get(key, "scheme"));
	const char *public =
		json_string_value(json_object_get(json_object_get(key, "keyval"), "public"));

	return type && scheme && public && strcmp(type, "ed25519") == 0 &&
		strcmp(scheme, "ed25519") == 0 &&
		hex_decode(public, ret_bytes, ED25519_KEY_SIZE) == 0;
}

static bool is_among(const json_t *keyids, const char *keyid)
{
	for (size_t i = 0; i < json_array_size(keyids); i++) {
		const char *each = json_string_value(json_array_get(keyids, i));

		if (each && strcmp(each, keyid) == 0)
			return true;
	}
	return false;
}

/* The place of a key among those seen so far; a new one is added unless the table is full. */
static PublicKey *remember_key(PublicKey *seen, size_t *count, const uint8_t *bytes)
{
	for (size_t i = 0; i < *count; i++)
		if (memcmp(seen[i].bytes, bytes, ED25519_KEY_SIZE) == 0)
			return &seen[i];
	if (*count == KEY_COUNT_MAX)
		return NULL;
	memcpy(seen[*count].bytes, bytes, ED25519_KEY_SIZE);
	return &seen[(*count)++];
}

/* 1 when it is, 0 when not, or -ENOMEM. */
static int signature_is_good(const json_t *signature, const uint8_t *key, const Buffer *message)
{
	const char *text = json_string_value(json_object_get(signature, "sig"));
	uint8_t bytes[ED25519_SIGNATURE_SIZE];
	int r;

	if (!text || hex_decode(text, bytes, sizeof(bytes)) < 0)
		return 0;
	r = ed25519_verify(key, bytes, message->data, message->size);
	return r == -ENOMEM ? r : r == 0;
}

/* What is counted, and who was counted already. */
typedef struct Count {
	const json_t *keys, *keyids;
	const Buffer *message;
	PublicKey seen[KEY_COUNT_MAX];
	size_t n_seen;
	json_int_t good;
} Count;

static int count_signature(Count *count, const json_t *signature)
{
	const char *keyid = json_string_value(json_object_get(signature, "keyid"));
	const json_t *key = keyid ? json_object_get(count->keys, keyid) : NULL;
	uint8_t bytes[ED25519_KEY_SIZE];
	PublicKey *slot;
	int r;

	if (!key || !is_among(count->keyids, keyid) || !read_key(key, bytes))
		return 0;
	r = keyid_matches(keyid, key);
	if (r != 1)
		return r;
	slot = remember_key(count->seen, &count->n_seen, bytes);
	if (!slot || slot->has_signed)
		return 0;
	r = signature_is_good(signature, bytes, count->message);
	if (r != 1)
		return r;
	slot->has_signed = true;
	count->good++;
	return 0;
}

static int count_signers(Count *count, const json_t *signatures)
{
	size_t n = json_array_size(signatures);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && i < KEY_SIGNATURES_MAX; i++)
		r = count_signature(count, json_array_get(signatures, i));
	return r;
}

int key_verify_envelope(const json_t *keys, const json_t *role, const json_t *envelope,
	const char *name, Reason *reterr_reason)
{
	const json_t *threshold = json_object_get(role, "threshold");
	const json_t *body = json_object_get(envelope, "signed");
	_cleanup_buffer_ Buffer message = {};
	Count count = {
		.keys = keys, .keyids = json_object_get(role, "keyids"), .message = &message};
	json_int_t wanted = json_integer_value(threshold);
	int r;

	if (!json_is_integer(threshold) || wanted < 1 || !json_is_object(body))
		return reason_set(
			reterr_reason, -EKEYREJECTED, "%s: nobody is trusted to sign it", name);
	r = document_canonical(body, &message);
	if (r == -EBADMSG)
		return reason_set(
			reterr_reason, r, "%s: holds a number that cannot be signed", name);
	if (r == 0)
		r = count_signers(&count, json_object_get(envelope, "signatures"));
	if (r < 0)
		return r;
	if (count.good < wanted)
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s: signed by %lld of the %lld keys that it needs", name,
			(long long)count.good, (long long)wanted);
	return 0;
}
