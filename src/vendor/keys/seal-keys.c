/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/keys/seal-keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/memory.h"
#include "base/path.h"
#include "crypto/ed25519.h"
#include "vendor/keys/key-names.h"
#include "vendor/keys/public-key.h"
#include "wire/json/document.h"

#define DEVICE_FILE "device/seal.conf"

static int load_file(const char *path, SealPolicy *ret_policy, Reason *reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, path, SEAL_POLICY_SIZE_MAX, &text, &size);

	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", path);
	r = seal_policy_parse(text, size, ret_policy, &why);
	return r < 0 ? reason_set(reason, r, "%s: %s", path, why.text) : 0;
}

int seal_keys_load(const Workspace *workspace, SealPolicy *ret_policy, Reason *reterr_reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, DEVICE_FILE);

	return path ? load_file(path, ret_policy, reterr_reason) : -ENOMEM;
}

int seal_keys_text(const SealPolicy *policy, Buffer *buffer)
{
	int r = buffer_text(buffer,
		"# Who may seal improvements of this system (seal.conf(5)).\n"
		"seal required\n");

	for (size_t i = 0; r == 0 && i < policy->key_count; i++) {
		char text[2 * ED25519_KEY_SIZE + 1];

		hex_encode(policy->keys[i], ED25519_KEY_SIZE, text);
		r = buffer_printf(buffer, "key %s\n", text);
	}
	return r;
}

int seal_keys_save(const Workspace *workspace, const SealPolicy *policy, Reason *reterr_reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, DEVICE_FILE);
	_cleanup_buffer_ Buffer text = {};
	int r = path ? seal_keys_text(policy, &text) : -ENOMEM;

	if (r == 0)
		r = path_make_parent(AT_FDCWD, path, 0755);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, text.data, text.size, 0644);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}

int seal_keys_of_base(
	const Workspace *workspace, const Base *base, SealPolicy *ret_policy, Reason *reterr_reason)
{
	_cleanup_free_ char *path = path_join(base->root, SEAL_POLICY_PATH);

	if (!path)
		return -ENOMEM;
	return file_exists(AT_FDCWD, path) ? load_file(path, ret_policy, reterr_reason)
					   : seal_keys_load(workspace, ret_policy, reterr_reason);
}

json_t *seal_keys_ids(const SealPolicy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < policy->key_count; i++) {
		_cleanup_json_ json_t *entry = public_key_of_bytes("", policy->keys[i]);

		json_array_append(list, json_object_get(entry, "keyid"));
	}
	return list;
}

int seal_key_bytes(
	const json_t *entry, uint8_t ret_key[static ED25519_KEY_SIZE], Reason *reterr_reason)
{
	const json_t *key = json_object_get(entry, "key");
	const char *type = json_string_value(json_object_get(key, "keytype"));
	const char *public =
		json_string_value(json_object_get(json_object_get(key, "keyval"), "public"));

	if (!type || !public || strcmp(type, "ed25519") != 0 ||
		hex_decode(public, ret_key, ED25519_KEY_SIZE) < 0)
		return reason_set(reterr_reason, -EINVAL,
			"a key that seals must be of type ed25519: the activator knows no other");
	return 0;
}

const json_t *seal_key_entry(const Signer *signer, const uint8_t key[static ED25519_KEY_SIZE])
{
	for (size_t i = 0; i < json_array_size(signer->list); i++) {
		const json_t *entry = json_array_get(signer->list, i);
		uint8_t each[ED25519_KEY_SIZE];

		if (seal_key_bytes(entry, each, NULL) == 0 &&
			memcmp(each, key, ED25519_KEY_SIZE) == 0)
			return entry;
	}
	return NULL;
}

static int refuse(const Workspace *workspace, const Base *base, const SealPolicy *policy,
	const Signer *signer, Reason *reason)
{
	_cleanup_json_ json_t *names = NULL;
	_cleanup_json_ json_t *entry = public_key_of_bytes("", policy->keys[0]);
	const char *keyid = json_string_value(json_object_get(entry, "keyid")), *name;
	int r = entry ? key_names_load(workspace, &names, reason) : -ENOMEM;

	if (r < 0)
		return r;
	name = json_string_value(json_object_get(names, keyid));
	return reason_set(reason, -ENOENT,
		"there is no key %s%s%.16s%s in %s, by which base %s knows its seals: bring it "
		"there and publish again",
		name ? name : "", name ? " (" : "", keyid, name ? ")" : "", signer->keys,
		base->name);
}

int seal_keys_choose(const Workspace *workspace, const Base *base, const Signer *signer,
	char **ret_name, Reason *reterr_reason)
{
	SealPolicy policy = {};
	int r = seal_keys_of_base(workspace, base, &policy, reterr_reason);

	if (r == 0 && policy.key_count == 0)
		r = seal_keys_load(workspace, &policy, reterr_reason);
	if (r < 0)
		return r;
	for (size_t i = 0; i < policy.key_count; i++) {
		const json_t *entry = seal_key_entry(signer, policy.keys[i]);

		if (!entry)
			continue;
		*ret_name = memory_string(json_string_value(json_object_get(entry, "name")));
		return *ret_name ? 0 : -ENOMEM;
	}
	return refuse(workspace, base, &policy, signer, reterr_reason);
}

int seal_keys_sign(const Signer *signer, const char *name, const void *text, size_t size,
	char **ret_signature, Reason *reterr_reason)
{
	_cleanup_json_ json_t *names = json_pack("[s]", name), *signatures = NULL;
	const char *signature;
	int r = names ? signer_sign(signer, names, text, size, &signatures, reterr_reason)
		      : -ENOMEM;

	if (r < 0)
		return r;
	signature = json_string_value(json_object_get(json_array_get(signatures, 0), "sig"));
	*ret_signature = signature ? memory_string(signature) : NULL;
	return *ret_signature ? 0 : -ENOMEM;
}
