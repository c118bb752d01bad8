/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/text.h"
#include "crypto/publickey.h"
#include "vendor/sign/description.h"
#include "vendor/sign/keyobject.h"
#include "vendor/sign/secretkey.h"
#include "wire/json/document.h"

#define PUBLIC_SIZE_MAX 65536

typedef enum KeyKind {
	KEY_KIND_FILE,
	KEY_KIND_ENCRYPTED,
	KEY_KIND_EXTERNAL,
} KeyKind;

static const char *const kind_words[] = {
	[KEY_KIND_FILE] = "file",
	[KEY_KIND_ENCRYPTED] = "encrypted",
	[KEY_KIND_EXTERNAL] = "external",
};

static int check_name(const char *name, Reason *reason)
{
	if (strlen(name) <= KEY_NAME_MAX && name[0] != '.' &&
		text_consists_of(name, TEXT_LOWER TEXT_DIGITS "._+~-"))
		return 0;
	return reason_set(reason, -EINVAL,
		"%s is no name for a key: use lower-case letters, digits and ._+~-", name);
}

/* 1 when the file is there, 0 when not. */
static int has_file(const Keyring *keyring, const char *name, const char *suffix)
{
	_cleanup_free_ char *path = memory_printf("%s/%s%s", keyring->folder, name, suffix);

	return path ? file_exists(AT_FDCWD, path) : -ENOMEM;
}

static int check_new_name(const Keyring *keyring, const char *name, Reason *reason)
{
	static const char *const suffixes[] = {".pem", ".json"};
	int r = check_name(name, reason);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(suffixes); i++) {
		r = has_file(keyring, name, suffixes[i]);
		if (r > 0)
			return reason_set(reason, -EEXIST, "there is a key %s/%s%s already",
				keyring->folder, name, suffixes[i]);
	}
	return r;
}

/* Whether the name is that of a key in another store: 1 or 0. */
static int is_external(const Keyring *keyring, const char *name, Reason *reason)
{
	int external, here;
	int r = check_name(name, reason);

	if (r < 0)
		return r;
	external = has_file(keyring, name, ".json");
	here = external > 0 ? has_file(keyring, name, ".pem") : 0;
	if (here > 0)
		return reason_set(reason, -EEXIST,
			"%s/%s.pem and %s.json are keys of one name: take one away",
			keyring->folder, name, name);
	return here < 0 ? here : external;
}

static int describe_secret(const SecretKey *key, const char *name, Description *ret)
{
	uint8_t public[ED25519_KEY_SIZE];
	int r = secretkey_public(key, public);

	return r < 0 ? r : description_new(name, keyobject_of_ed25519(public), ret);
}

static int unlock(Keyring *keyring, const char *name, SecretKey *key, Reason *reason)
{
	_cleanup_free_ char *what = memory_printf("the key %s/%s.pem", keyring->folder, name);
	_cleanup_secret_ Secret passphrase = {};
	int r;

	if (!what)
		return -ENOMEM;
	if (!secretkey_is_encrypted(key))
		return secretkey_unlock(key, NULL, reason);
	r = passphrases_ask(&keyring->passphrases, what, &passphrase, reason);
	return r < 0 ? r : secretkey_unlock(key, &passphrase, reason);
}

static int open_secret(Keyring *keyring, const char *name, SecretKey **ret_key, Reason *reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	int r = secretkey_load(keyring->folder, name, &key, reason);

	if (r == 0)
		r = unlock(keyring, name, key, reason);
	if (r == 0)
		*ret_key = TAKE_PTR(key);
	return r;
}

/* With NULL for no passphrase, else with a new one that is asked for. */
static int store_secret(Keyring *keyring, const char *name, const SecretKey *key,
	Passphrases *passphrases, Reason *reason)
{
	_cleanup_free_ char *what = memory_printf("the key %s/%s.pem", keyring->folder, name);
	_cleanup_description_ Description description = {};
	_cleanup_secret_ Secret passphrase = {};
	int r = what ? describe_secret(key, name, &description) : -ENOMEM;

	if (r == 0 && passphrases)
		r = passphrases_ask_new(passphrases, what, &passphrase, reason);
	if (r == 0)
		r = description_save(keyring->folder, &description, reason);
	return r < 0 ? r : secretkey_store(key, passphrases ? &passphrase : NULL, reason);
}

static int hand_out(const Description *description, json_t **ret_json)
{
	*ret_json = description_json(description);
	return *ret_json ? 0 : -ENOMEM;
}

void keyring_done(Keyring *keyring)
{
	passphrases_done(&keyring->passphrases);
	passphrases_done(&keyring->changed);
}

int keyring_create(Keyring *keyring, const char *name, bool encrypted, json_t **ret_description,
	Reason *reterr_reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	_cleanup_description_ Description description = {};
	int r = check_new_name(keyring, name, reterr_reason);

	if (r == 0)
		r = secretkey_new(keyring->folder, name, &key, reterr_reason);
	if (r == 0)
		r = store_secret(keyring, name, key, encrypted ? &keyring->passphrases : NULL,
			reterr_reason);
	if (r == 0)
		r = describe_secret(key, name, &description);
	return r < 0 ? r : hand_out(&description, ret_description);
}

static int read_public(const char *path, json_t **ret_key, Reason *reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, path, PUBLIC_SIZE_MAX, &text, &size);

	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", path);
	r = keyobject_of_pem(text, size, ret_key, &why);
	return r < 0 ? reason_set(reason, r, "%s: %s", path, why.text) : 0;
}

int keyring_add(Keyring *keyring, const char *name, const char *public_path, External *external,
	json_t **ret_description, Reason *reterr_reason)
{
	_cleanup_description_ Description description = {};
	int r = check_new_name(keyring, name, reterr_reason);

	if (r == 0)
		r = read_public(public_path, &external->key, reterr_reason);
	if (r == 0)
		r = external_save(keyring->folder, name, external, reterr_reason);
	if (r == 0)
		r = description_new(name, json_incref(external->key), &description);
	return r < 0 ? r : hand_out(&description, ret_description);
}

static int describe_external(
	const Keyring *keyring, const char *name, Description *ret, Reason *reason)
{
	_cleanup_external_ External external = {};
	int r = external_load(keyring->folder, name, &external, reason);

	return r < 0 ? r : description_new(name, json_incref(external.key), ret);
}

static int describe_file(Keyring *keyring, const char *name, bool may_ask, KeyKind *ret_kind,
	Description *ret, Reason *reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	int has_public, r = secretkey_load(keyring->folder, name, &key, reason);

	if (r < 0)
		return r;
	*ret_kind = secretkey_is_encrypted(key) ? KEY_KIND_ENCRYPTED : KEY_KIND_FILE;
	has_public = has_file(keyring, name, ".pub");
	if (has_public < 0)
		return has_public;
	if (*ret_kind == KEY_KIND_ENCRYPTED && has_public)
		return description_load(keyring->folder, name, ret, reason);
	if (*ret_kind == KEY_KIND_ENCRYPTED && !may_ask)
		return reason_set(reason, -EACCES,
			"%s/%s.pub is missing, and the key has a passphrase: "
			"'suture-sign --keys %s public %s' makes it anew",
			keyring->folder, name, keyring->folder, name);
	r = unlock(keyring, name, key, reason);
	if (r == 0)
		r = describe_secret(key, name, ret);
	if (r == 0 && *ret_kind == KEY_KIND_ENCRYPTED)
		r = description_save(keyring->folder, ret, reason);
	return r;
}

static int describe(Keyring *keyring, const char *name, bool may_ask, KeyKind *ret_kind,
	Description *ret, Reason *reason)
{
	int external = is_external(keyring, name, reason);

	*ret_kind = KEY_KIND_EXTERNAL;
	if (external < 0)
		return external;
	return external ? describe_external(keyring, name, ret, reason)
			: describe_file(keyring, name, may_ask, ret_kind, ret, reason);
}

int keyring_describe(
	Keyring *keyring, const char *name, json_t **ret_description, Reason *reterr_reason)
{
	_cleanup_description_ Description description = {};
	KeyKind kind;
	int r = describe(keyring, name, true, &kind, &description, reterr_reason);

	return r < 0 ? r : hand_out(&description, ret_description);
}

static int append_entry(Keyring *keyring, const char *file, json_t *list, Reason *reason)
{
	_cleanup_free_ char *name = memory_string_n(file, (size_t)(strrchr(file, '.') - file));
	_cleanup_description_ Description description = {};
	_cleanup_json_ json_t *entry = NULL;
	KeyKind kind;
	int r = name ? describe(keyring, name, false, &kind, &description, reason) : -ENOMEM;

	if (r < 0)
		return r;
	entry = description_json(&description);
	if (!entry || json_object_set_new(entry, "kind", json_string(kind_words[kind])) < 0 ||
		json_array_append(list, entry) < 0)
		return -ENOMEM;
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_key_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
		(text_ends_with(entry->d_name, ".pem") || text_ends_with(entry->d_name, ".json"));
}

int keyring_list(Keyring *keyring, json_t **ret_list, Reason *reterr_reason)
{
	_cleanup_json_ json_t *list = json_array();
	struct dirent **entries = NULL;
	int r = list ? 0 : -ENOMEM, n = scandir(keyring->folder, &entries, is_key_file, by_name);

	if (n < 0)
		return reason_errno(
			reterr_reason, -errno, "cannot list the keys in %s", keyring->folder);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = append_entry(keyring, entries[i]->d_name, list, reterr_reason);
		free(entries[i]);
	}
	free(entries);
	if (r == 0)
		*ret_list = TAKE_PTR(list);
	return r;
}

static int append_signature(
	Buffer *ret_signature, const SecretKey *key, const void *message, size_t size)
{
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	int r = secretkey_sign(key, message, size, signature);

	return r < 0 ? r : buffer_append(ret_signature, signature, sizeof(signature));
}

/* A listed key that is not the one which signs would be noticed by devices only. */
static int check_listed(const Keyring *keyring, const Description *description,
	const SecretKey *key, Reason *reason)
{
	_cleanup_description_ Description listed = {};
	int r = secretkey_is_encrypted(key) ? has_file(keyring, description->name, ".pub") : 0;

	if (r <= 0)
		return r;
	r = description_load(keyring->folder, description->name, &listed, reason);
	if (r < 0 || digest_equal(&listed.keyid, &description->keyid))
		return r;
	return reason_set(reason, -EBADMSG,
		"%s/%s.pub is not the public half of %s.pem: find out which of the two is wrong",
		keyring->folder, description->name, description->name);
}

static int sign_with_file(Keyring *keyring, const char *name, const void *message, size_t size,
	Description *ret, Buffer *ret_signature, Reason *reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	int r = open_secret(keyring, name, &key, reason);

	if (r == 0)
		r = describe_secret(key, name, ret);
	if (r == 0)
		r = check_listed(keyring, ret, key, reason);
	return r < 0 ? r : append_signature(ret_signature, key, message, size);
}

static int sign_elsewhere(const Keyring *keyring, const char *name, const void *message,
	size_t size, Description *ret, Buffer *ret_signature, Reason *reason)
{
	_cleanup_external_ External external = {};
	int r = external_load(keyring->folder, name, &external, reason);

	if (r == 0)
		r = external_sign(&external, name, message, size, ret_signature, reason);
	return r < 0 ? r : description_new(name, json_incref(external.key), ret);
}

static json_t *signature_json(const Description *description, const Buffer *signature)
{
	char id[DIGEST_TEXT_SIZE], text[2 * PUBLIC_KEY_SIGNATURE_MAX + 1];

	digest_to_text(&description->keyid, id);
	hex_encode(signature->data, signature->size, text);
	return json_pack("{s:s, s:s}", "keyid", id, "sig", text);
}

int keyring_sign(Keyring *keyring, const char *name, const void *message, size_t size,
	json_t **ret_signature, Reason *reterr_reason)
{
	_cleanup_description_ Description description = {};
	_cleanup_buffer_ Buffer signature = {};
	int r = is_external(keyring, name, reterr_reason);

	if (r < 0)
		return r;
	r = r > 0 ? sign_elsewhere(
			    keyring, name, message, size, &description, &signature, reterr_reason)
		  : sign_with_file(
			    keyring, name, message, size, &description, &signature, reterr_reason);
	if (r < 0)
		return r;
	*ret_signature = signature_json(&description, &signature);
	return *ret_signature ? 0 : -ENOMEM;
}

int keyring_change_passphrase(
	Keyring *keyring, const char *name, bool remove, Reason *reterr_reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	int r = is_external(keyring, name, reterr_reason);

	if (r > 0)
		return reason_set(reterr_reason, -EINVAL,
			"%s lies in another key store, and so does its passphrase", name);
	if (r == 0)
		r = open_secret(keyring, name, &key, reterr_reason);
	return r < 0 ? r
		     : store_secret(keyring, name, key, remove ? NULL : &keyring->changed,
			       reterr_reason);
}
