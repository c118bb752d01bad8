/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/key.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/publickey.h"
#include "wire/json/document.h"

int key_id(const json_t *key, Digest *ret_id)
{
	_cleanup_buffer_ Buffer canonical = {};
	int r = document_canonical(key, &canonical);

	return r < 0 ? r : digest_of(canonical.data, canonical.size, ret_id);
}

bool key_role_is_good(const json_t *role)
{
	const json_t *keyids = json_object_get(role, "keyids");
	const json_t *threshold = json_object_get(role, "threshold");

	if (!json_is_array(keyids) || json_array_size(keyids) > KEY_COUNT_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(keyids); i++)
		if (!json_is_string(json_array_get(keyids, i)))
			return false;
	return json_is_integer(threshold) && json_integer_value(threshold) >= 1;
}

static bool is_among(const json_t *keyids, const char *keyid)
{
	for (size_t i = 0; i < json_array_size(keyids); i++)
		if (strcmp(json_string_value(json_array_get(keyids, i)), keyid) == 0)
			return true;
	return false;
}

static int read_key(const json_t *key, PublicKey **ret_key)
{
	const char *type = json_string_value(json_object_get(key, "keytype"));
	const char *scheme = json_string_value(json_object_get(key, "scheme"));
	const char *public =
		json_string_value(json_object_get(json_object_get(key, "keyval"), "public"));

	return type && scheme && public ? public_key_new(type, scheme, public, ret_key) : -EBADMSG;
}

static int verify_signature(const json_t *signature, const PublicKey *key, const Buffer *message)
{
	const char *text = json_string_value(json_object_get(signature, "sig"));
	uint8_t bytes[PUBLIC_KEY_SIGNATURE_MAX];
	size_t size = text ? strlen(text) / 2 : 0;

	if (size == 0 || size > sizeof(bytes) || hex_decode(text, bytes, size) < 0)
		return -EKEYREJECTED;
	return public_key_verify(key, bytes, size, message->data, message->size);
}

/* What is counted, and who was counted already. */
typedef struct Count {
	const json_t *keys, *keyids;
	const Buffer *message;
	PublicKey *signers[KEY_COUNT_MAX];
	size_t n;
} Count;

static void count_done(Count *count)
{
	while (count->n > 0)
		public_key_free(count->signers[--count->n]);
}

static bool has_signed(const Count *count, const PublicKey *key)
{
	for (size_t i = 0; i < count->n; i++)
		if (public_key_equal(count->signers[i], key))
			return true;
	return false;
}

/* 1 when the keyid is the digest of the key object (4.2), 0 when not, or -ENOMEM. */
static int is_keyid_of(const char *keyid, const json_t *key)
{
	char text[DIGEST_TEXT_SIZE];
	Digest id;
	int r = json_is_object(key) ? key_id(key, &id) : -EBADMSG;

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	digest_to_text(&id, text);
	return strcmp(text, keyid) == 0;
}

static int count_signature(Count *count, const json_t *signature)
{
	const char *keyid = json_string_value(json_object_get(signature, "keyid"));
	const json_t *object = json_object_get(count->keys, keyid);
	_cleanup_(public_key_freep) PublicKey *key = NULL;
	int r = is_among(count->keyids, keyid) ? is_keyid_of(keyid, object) : 0;

	if (r <= 0)
		return r;
	r = read_key(object, &key);
	if (r == 0)
		r = verify_signature(signature, key, count->message);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!has_signed(count, key))
		count->signers[count->n++] = TAKE_PTR(key);
	return 0;
}

int key_verify_envelope(const json_t *keys, const json_t *role, const json_t *envelope,
	const char *name, Reason *reterr_reason)
{
	const json_t *signatures = json_object_get(envelope, "signatures");
	json_int_t threshold = json_integer_value(json_object_get(role, "threshold"));
	_cleanup_buffer_ Buffer message = {};
	_cleanup_(count_done) Count count = {
		.keys = keys, .keyids = json_object_get(role, "keyids"), .message = &message};
	int r;

	if (!key_role_is_good(role))
		return reason_set(
			reterr_reason, -EKEYREJECTED, "%s: nobody is trusted to sign it", name);
	r = document_canonical(json_object_get(envelope, "signed"), &message);
	if (r == -EBADMSG)
		return reason_set(
			reterr_reason, r, "%s: holds a number that cannot be signed", name);
	for (size_t i = 0; r == 0 && i < json_array_size(signatures); i++)
		r = count_signature(&count, json_array_get(signatures, i));
	if (r < 0)
		return r;
	if ((json_int_t)count.n < threshold)
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s: signed by %zu of the %lld keys that it needs", name, count.n,
			(long long)threshold);
	return 0;
}
