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

static bool keyid_matches(const char *keyid, const json_t *key)
{
	char text[DIGEST_TEXT_SIZE];
	Digest id;

	if (!json_is_object(key) || key_id(key, &id) < 0)
		return false;
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

static bool signature_is_good(const json_t *signature, const uint8_t *key, const Buffer *message)
{
	const char *text = json_string_value(json_object_get(signature, "sig"));
	uint8_t bytes[ED25519_SIGNATURE_SIZE];

	return text && hex_decode(text, bytes, sizeof(bytes)) == 0 &&
		ed25519_verify(key, bytes, message->data, message->size) == 0;
}

static json_int_t count_signers(
	const json_t *keys, const json_t *keyids, const json_t *signatures, const Buffer *message)
{
	PublicKey seen[KEY_COUNT_MAX] = {};
	size_t n_seen = 0, n = json_array_size(signatures);
	json_int_t good = 0;

	for (size_t i = 0; i < n && i < KEY_SIGNATURES_MAX; i++) {
		const json_t *signature = json_array_get(signatures, i);
		const char *keyid = json_string_value(json_object_get(signature, "keyid"));
		const json_t *key = keyid ? json_object_get(keys, keyid) : NULL;
		uint8_t bytes[ED25519_KEY_SIZE];
		PublicKey *slot;

		if (!key || !is_among(keyids, keyid) || !keyid_matches(keyid, key) ||
			!read_key(key, bytes))
			continue;
		slot = remember_key(seen, &n_seen, bytes);
		if (slot && !slot->has_signed && signature_is_good(signature, bytes, message)) {
			slot->has_signed = true;
			good++;
		}
	}
	return good;
}

int key_verify_envelope(const json_t *keys, const json_t *role, const json_t *envelope,
	const char *name, Reason *reterr_reason)
{
	const json_t *threshold = json_object_get(role, "threshold");
	const json_t *body = json_object_get(envelope, "signed");
	_cleanup_buffer_ Buffer message = {};
	json_int_t wanted = json_integer_value(threshold), good;
	int r;

	if (!json_is_integer(threshold) || wanted < 1 || !json_is_object(body))
		return reason_set(
			reterr_reason, -EKEYREJECTED, "%s: nobody is trusted to sign it", name);
	r = document_canonical(body, &message);
	if (r < 0)
		return reason_set(
			reterr_reason, r, "%s: holds a number that cannot be signed", name);
	good = count_signers(keys, json_object_get(role, "keyids"),
		json_object_get(envelope, "signatures"), &message);
	if (good < wanted)
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s: signed by %lld of the %lld keys that it needs", name, (long long)good,
			(long long)wanted);
	return 0;
}
