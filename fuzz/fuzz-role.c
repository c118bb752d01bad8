/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole refresh and a search over hostile metadata. Each line of the input is a letter and the
 * `signed` part of a role: r root (the first is version 2's, and so on), t timestamp, s snapshot,
 * g targets, d any delegated role; T, S, G, D the same as kept by the device. The target signs them
 * with the one key that everybody here trusts, so that what is behind the signatures is reached; a
 * line that is no JSON object goes in as it is, as a file of its own.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "crypto/ed25519.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"
#include "wire/trust/refresh.h"

#define NOW 1780000000 /* 2026-05-28 */

/* The key's id, members of every role, and the roles of a root. */
#define KEYID  "7ab6b86cb2c9684b0ddc10896153aa2595decf4d4327a5ff1a8ab7422c828b12"
#define SIGNER "{\"keyids\":[\"" KEYID "\"],\"threshold\":1}"
#define ROOT                                                                                       \
	"{\"_type\":\"root\",\"spec_version\":\"1.0.34\",\"version\":1,"                           \
	"\"expires\":\"2027-01-01T00:00:00Z\",\"consistent_snapshot\":true,\"keys\":{\"" KEYID     \
	"\":"                                                                                      \
	"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"%s\"}}},"        \
	"\"roles\":{\"root\":" SIGNER ",\"timestamp\":" SIGNER ",\"snapshot\":" SIGNER             \
	",\"targets\":" SIGNER "}}"

/* The input, as the repository's and the device's files. */
typedef struct Input {
	const char *data;
	size_t size;
} Input;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Its secret is 32 times 01. */
static EVP_PKEY *the_key(void)
{
	static EVP_PKEY *key;
	uint8_t seed[ED25519_KEY_SIZE];

	memset(seed, 1, sizeof(seed));
	if (!key)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	return key;
}

static void sign(const Buffer *message, char ret_text[static 2 * ED25519_SIGNATURE_SIZE + 1])
{
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	size_t size = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, the_key()) != 1 ||
		EVP_DigestSign(context, signature, &size, message->data, message->size) != 1)
		abort();
	EVP_MD_CTX_free(context);
	hex_encode(signature, sizeof(signature), ret_text);
}

/* The file of a `signed` part, at most max bytes; what cannot be signed is left as it is. */
static int seal(const char *text, size_t size, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_json_ json_t *body = NULL, *envelope = NULL;
	_cleanup_buffer_ Buffer message = {}, file = {};
	char signature[2 * ED25519_SIGNATURE_SIZE + 1];

	if (document_parse(text, size, &body, NULL) < 0 || document_canonical(body, &message) < 0) {
		if (buffer_append(&file, text, size) < 0)
			abort();
	} else {
		sign(&message, signature);
		envelope = json_pack("{s:[{s:s, s:s}], s:O}", "signatures", "keyid", KEYID, "sig",
			signature, "signed", body);
		if (!envelope || document_write(envelope, &file) < 0)
			abort();
	}
	if (file.size > max)
		return -EFBIG;
	*ret_size = file.size;
	*ret_data = TAKE_PTR(file.data);
	return 0;
}

/* The file of the n-th line (from 0) with that letter. */
static int give(
	const Input *input, char letter, size_t n, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	const char *at = input->data, *end = at + input->size;

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((line_end ? line_end : end) - at);

		if (size > 0 && *at == letter && n-- == 0)
			return seal(at + 1, size - 1, max, ret_data, ret_size);
		at += size + 1;
	}
	return -ENOENT;
}

static char letter_of(const char *name)
{
	return text_ends_with(name, "timestamp.json")   ? 't'
		: text_ends_with(name, "snapshot.json") ? 's'
		: text_ends_with(name, "targets.json")  ? 'g'
							: 'd';
}

static int fetch(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size,
	Reason *reterr_reason)
{
	unsigned version;

	if (text_ends_with(name, ".root.json") && sscanf(name, "%u", &version) == 1)
		return give(context, 'r', version - 2, max, ret_data, ret_size);
	return give(context, letter_of(name), 0, max, ret_data, ret_size);
}

static int load(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	return give(context, (char)(letter_of(name) - 'a' + 'A'), 0, max, ret_data, ret_size);
}

static int save(
	void *context, const char *name, const void *data, size_t size, Reason *reterr_reason)
{
	return 0;
}

static Trust *begin(void)
{
	static uint8_t *root;
	static size_t size;
	Trust *trust;

	if (!root) {
		uint8_t public[ED25519_KEY_SIZE];
		char text[2 * ED25519_KEY_SIZE + 1], body[2048];
		size_t public_size = sizeof(public);

		EVP_PKEY_get_raw_public_key(the_key(), public, &public_size);
		hex_encode(public, sizeof(public), text);
		snprintf(body, sizeof(body), ROOT, text);
		if (seal(body, strlen(body), TRUST_ROOT_SIZE_MAX, &root, &size) < 0)
			abort();
	}
	if (trust_new(root, size, NOW, &trust, NULL) < 0)
		abort();
	return trust;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input input = {(const char *)data, size};
	const TrustRepository repository = {&input, fetch, load, save};
	_cleanup_(trust_freep) Trust *trust = begin();
	_cleanup_free_ char *name = NULL;
	TrustFile file;
	Reason reason = {};

	if (trust_refresh(trust, &repository, &reason) < 0)
		return 0;
	if (trust_now(trust) < NOW || trust_timestamp_expires(trust) <= trust_now(trust))
		abort();
	if (trust_find(trust, &repository, "dir/x", &file, &reason) < 0)
		return 0;
	name = trust_target_name(trust, "dir/x", &file);
	if (!name || (!file.has_sha256 && !file.has_sha512))
		abort();
	return 0;
}
