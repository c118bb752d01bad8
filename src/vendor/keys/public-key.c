/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/keys/public-key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/ed25519.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"
#include "wire/trust/trust.h"

#define FILE_SIZE_MAX 65536 /* an RSA key of 16384 bits has 3 KB */
#define PEM_BEGIN     "-----BEGIN PUBLIC KEY-----\n"

static bool is_ed25519(const char *public)
{
	uint8_t bytes[ED25519_KEY_SIZE];

	return hex_decode(public, bytes, sizeof(bytes)) == 0;
}

static bool is_pem(const char *public)
{
	return text_starts_with(public, PEM_BEGIN);
}

static const struct {
	const char *type, *scheme;
	bool (*is_public)(const char *public);
} types[] = {
	{"ed25519", "ed25519", is_ed25519},
	{"ecdsa", "ecdsa-sha2-nistp256", is_pem},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", is_pem}, /* the name until 1.0.28 */
	{"rsa", "rsassa-pss-sha256", is_pem},
};

static bool is_known(const json_t *key)
{
	const json_t *value = json_object_get(key, "keyval");

	if (json_object_size(key) != 3 || json_object_size(value) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(document_text(key, "keytype"), types[i].type) == 0 &&
			strcmp(document_text(key, "scheme"), types[i].scheme) == 0)
			return types[i].is_public(document_text(value, "public"));
	return false;
}

static int check(const json_t *entry, const char *path, Reason *reason)
{
	const json_t *key = json_object_get(entry, "key");
	const char *name = document_text(entry, "name");
	char text[DIGEST_TEXT_SIZE];
	Digest id;
	int r;

	if (json_object_size(entry) != 3 || !name[0] || strlen(name) > TRUST_ROLE_NAME_MAX ||
		!text_is_printable(name) || !is_known(key))
		return reason_set(reason, -EBADMSG,
			"%s is not a public key as 'suture-sign create' prints it", path);
	r = key_id(key, &id);
	if (r < 0)
		return r;
	digest_to_text(&id, text);
	if (strcmp(text, document_text(entry, "keyid")) != 0)
		return reason_set(reason, -EBADMSG,
			"%s: the keyid is not the digest of the key; ask its holder for the file "
			"again",
			path);
	return 0;
}

int public_key_load(const char *path, json_t **ret_entry, Reason *reterr_reason)
{
	_cleanup_json_ json_t *entry = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, path, FILE_SIZE_MAX, &data, &size);

	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	r = document_parse(data, size, &entry, &why);
	if (r < 0)
		return reason_set(reterr_reason, r, "%s: %s", path, why.text);
	r = check(entry, path, reterr_reason);
	if (r == 0)
		*ret_entry = TAKE_PTR(entry);
	return r;
}

json_t *public_key_of_bytes(const char *name, const uint8_t *bytes)
{
	char public[2 * ED25519_KEY_SIZE + 1], text[DIGEST_TEXT_SIZE];
	_cleanup_json_ json_t *key = NULL;
	Digest id;

	hex_encode(bytes, ED25519_KEY_SIZE, public);
	key = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval",
		"public", public);
	if (!key || key_id(key, &id) < 0)
		return NULL;
	digest_to_text(&id, text);
	return json_pack("{s:s, s:s, s:O}", "name", name, "keyid", text, "key", key);
}
