/* SPDX-License-Identifier: Apache-2.0 */
/* suture-sign: the only program that opens a secret key. It signs bytes and knows nothing of what
 * they mean; suture-publish prepares them and takes the signatures back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/text.h"
#include "vendor/sign/secret.h"
#include "vendor/sign/secretkey.h"
#include "wire/json/document.h"
#include "wire/trust/key.h"

#define MESSAGE_SIZE_MAX ((size_t)16 << 20) /* far above the largest metadata file */
#define KEY_NAME_MAX     200                /* with its suffix a file name */

static const char *arg_keys;

static int fail(int error, const Reason *reason)
{
	return exit_code_of(log_reason(error, reason));
}

/* {"name", "keyid", "key": {keytype, scheme, keyval}}: the form that goes into metadata. */
static json_t *describe(const char *name, const SecretKey *key)
{
	_cleanup_json_ json_t *object = NULL, *description = NULL;
	uint8_t public[ED25519_KEY_SIZE];
	char text[2 * ED25519_KEY_SIZE + 1], id_text[DIGEST_TEXT_SIZE];
	Digest id;

	if (secretkey_public(key, public) < 0)
		return NULL;
	hex_encode(public, sizeof(public), text);
	object = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519",
		"keyval", "public", text);
	if (!object || key_id(object, &id) < 0)
		return NULL;
	digest_to_text(&id, id_text);
	description = json_pack("{s:s, s:s, s:O}", "name", name, "keyid", id_text, "key", object);
	return TAKE_PTR(description);
}

static int print_json(const json_t *json)
{
	_cleanup_buffer_ Buffer buffer = {};

	if (!json || document_write(json, &buffer) < 0)
		return exit_code_of(-ENOMEM);
	return exit_code_of(fd_write_full(STDOUT_FILENO, buffer.data, buffer.size));
}

static int check_name(const char *name, Reason *reason)
{
	if (strlen(name) <= KEY_NAME_MAX && name[0] != '.' &&
		text_consists_of(name, TEXT_LOWER TEXT_DIGITS "._+-"))
		return 0;
	return reason_set(reason, -EINVAL,
		"%s is no name for a key: use lower-case letters, digits and ._+-", name);
}

static int check_new_name(const char *name, Reason *reason)
{
	_cleanup_free_ char *path = memory_printf("%s/%s.pem", arg_keys, name);
	int r = path ? check_name(name, reason) : -ENOMEM;

	if (r == 0 && file_exists(AT_FDCWD, path))
		return reason_set(reason, -EEXIST, "there is a key %s already", path);
	return r;
}

static int open_key(const char *name, SecretKey **ret_key, Reason *reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	int r = check_name(name, reason);

	if (r == 0)
		r = secretkey_load(arg_keys, name, &key, reason);
	if (r == 0)
		r = secretkey_unlock(key, NULL, reason);
	if (r == 0)
		*ret_key = TAKE_PTR(key);
	return r;
}

static int verb_create(int count, char **operands)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	_cleanup_json_ json_t *description = NULL;
	Reason reason = {};
	int r = check_new_name(operands[0], &reason);

	if (r == 0)
		r = secretkey_new(arg_keys, operands[0], &key, &reason);
	if (r == 0)
		r = secretkey_store(key, NULL, &reason);
	if (r < 0)
		return fail(r, &reason);
	description = describe(operands[0], key);
	return print_json(description);
}

static int append_description(json_t *list, const char *file, Reason *reason)
{
	_cleanup_free_ char *name = memory_string_n(file, strlen(file) - strlen(".pem"));
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	int r;

	if (!name)
		return -ENOMEM;
	r = open_key(name, &key, reason);
	if (r < 0)
		return r;
	return json_array_append_new(list, describe(name, key)) < 0 ? -ENOMEM : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_key_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".pem");
}

static int verb_list(int count, char **operands)
{
	_cleanup_json_ json_t *list = json_array();
	struct dirent **entries = NULL;
	Reason reason = {};
	int r = 0, n = scandir(arg_keys, &entries, is_key_file, by_name);

	if (n < 0) {
		reason_errno(&reason, -errno, "cannot list the keys in %s", arg_keys);
		return fail(-ENOENT, &reason);
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = append_description(list, entries[i]->d_name, &reason);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? fail(r, &reason) : print_json(list);
}

static int sign_with(
	const char *name, const uint8_t *message, size_t size, json_t *list, Reason *reason)
{
	_cleanup_(secretkey_freep) SecretKey *key = NULL;
	_cleanup_json_ json_t *description = NULL;
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	char text[2 * ED25519_SIGNATURE_SIZE + 1];
	int r = open_key(name, &key, reason);

	if (r == 0)
		r = secretkey_sign(key, message, size, signature);
	if (r < 0)
		return r;
	hex_encode(signature, sizeof(signature), text);
	description = describe(name, key);
	r = json_array_append_new(list,
		json_pack("{s:s, s:s}", "keyid",
			json_string_value(json_object_get(description, "keyid")), "sig", text));
	return r < 0 ? -ENOMEM : 0;
}

static int verb_sign(int count, char **operands)
{
	_cleanup_json_ json_t *list = json_array();
	_cleanup_free_ uint8_t *message = NULL;
	Reason reason = {};
	size_t size;
	int r = fd_read_all(STDIN_FILENO, MESSAGE_SIZE_MAX, &message, &size);

	if (r < 0)
		reason_errno(&reason, r, "cannot read what to sign from standard input");
	for (int i = 0; r == 0 && i < count; i++)
		r = sign_with(operands[i], message, size, list, &reason);
	return r < 0 ? fail(r, &reason) : print_json(list);
}

static const Option options[] = {
	{"keys", "DIR", "folder of the secret keys", OPTION_TEXT, &arg_keys, true},
	{},
};

static const Verb verbs[] = {
	{"create", "NAME", "make a new ed25519 key and print its public half", 1, 1, verb_create},
	{"list", "", "print the public halves of all keys", 0, 0, verb_list},
	{"sign", "NAME...", "sign standard input, print the signatures", 1, COMMAND_WORDS_MAX,
		verb_sign},
	{},
};

int main(int argc, char **argv)
{
	static const Command command = {
		"suture-sign", "keep a vendor's keys and sign with them", options, verbs, NULL};
	int r;

	log_open(command.program);
	r = secret_start();
	if (r < 0)
		return fail(r, &(Reason){"no memory can be kept for secrets"});
	if (r > 0)
		log_info("secrets may be swapped out, going on: memory cannot be locked, "
			 "see 'ulimit -l'");
	return command_main(&command, argc, argv);
}
