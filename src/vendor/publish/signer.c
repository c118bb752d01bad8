/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "wire/json/document.h"

#define OUTPUT_SIZE_MAX   ((size_t)4 << 20)
#define KEYS_PER_ROLE_MAX 32
#define PROGRAM           "suture-sign"

/* Where the child finds the passphrase. */
#define PASSPHRASE_FD      3
#define PASSPHRASE_FD_TEXT "3"
#define WORDS_MAX          (8 + KEYS_PER_ROLE_MAX)

/* The words behind the program's name, and before them how it gets the passphrase. */
static void add_passphrase(const Signer *signer, const char *const *argv, const char **words)
{
	size_t n = 0;

	words[n++] = argv[0];
	if (signer->passphrase > 0) {
		words[n++] = "--passphrase-fd";
		words[n++] = PASSPHRASE_FD_TEXT;
	}
	while (*++argv)
		words[n++] = *argv;
	words[n] = NULL;
}

static int run(const Signer *signer, const char *const *argv, const void *input, size_t size,
	json_t **ret_json, Reason *reason)
{
	const char *words[WORDS_MAX];
	Process process = {.argv = words,
		.map = {{signer->passphrase, PASSPHRASE_FD}},
		.map_count = signer->passphrase > 0};
	_cleanup_free_ uint8_t *output = NULL;
	json_error_t error;
	size_t output_size;
	int status, r;

	add_passphrase(signer, argv, words);
	r = process_exchange(
		&process, input, size, OUTPUT_SIZE_MAX, &output, &output_size, &status, reason);
	if (r < 0)
		return r;
	if (status != 0)
		return exit_error_of(status);
	*ret_json = json_loadb((const char *)output, output_size, 0, &error);
	return *ret_json ? 0 : reason_set(reason, -EBADMSG, "%s answered no JSON", PROGRAM);
}

static int load_list(Signer *signer, Reason *reason)
{
	const char *const argv[] = {signer->program, "--keys", signer->keys, "list", NULL};

	json_decref(signer->list);
	signer->list = NULL;
	return run(signer, argv, NULL, 0, &signer->list, reason);
}

int signer_open(Signer *signer, const char *keys, bool may_be_new, Reason *reterr_reason)
{
	int r;

	*signer = (Signer){.keys = keys};
	r = process_find_helper(PROGRAM, &signer->program, reterr_reason);
	if (r < 0)
		return r;
	if (may_be_new && !file_exists(AT_FDCWD, keys)) {
		signer->list = json_array();
		return signer->list ? 0 : -ENOMEM;
	}
	return load_list(signer, reterr_reason);
}

void signer_done(Signer *signer)
{
	free(signer->program);
	json_decref(signer->list);
	if (signer->passphrase > 0)
		fd_close(signer->passphrase);
	*signer = (Signer){};
}

static const char *name_of(const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));

	return name ? name : "";
}

/* "root-2" belongs to "root"; "root-x-2" does not. */
static bool belongs_to(const char *name, const char *role)
{
	size_t length = strlen(role);

	return strncmp(name, role, length) == 0 && name[length] == '-' &&
		text_consists_of(name + length + 1, TEXT_DIGITS);
}

static bool has_key(const Signer *signer, const char *name)
{
	for (size_t i = 0; i < json_array_size(signer->list); i++)
		if (strcmp(name_of(json_array_get(signer->list, i)), name) == 0)
			return true;
	return false;
}

int signer_create_keys(Signer *signer, const char *role, unsigned count, Reason *reterr_reason)
{
	for (unsigned i = 1; i <= count; i++) {
		_cleanup_free_ char *name = memory_printf("%s-%u", role, i);
		const char *const argv[] = {signer->program, "--keys", signer->keys, "create", name,
			signer->passphrase > 0 ? "--encrypt" : NULL, NULL};
		_cleanup_json_ json_t *made = NULL;
		int r;

		if (!name)
			return -ENOMEM;
		if (has_key(signer, name))
			continue;
		r = run(signer, argv, NULL, 0, &made, reterr_reason);
		if (r < 0)
			return r;
	}
	return load_list(signer, reterr_reason);
}

json_t *signer_public_keys(const Signer *signer, const char *role)
{
	json_t *keys = json_object();

	for (size_t i = 0; keys && i < json_array_size(signer->list); i++) {
		const json_t *entry = json_array_get(signer->list, i);

		if (belongs_to(name_of(entry), role))
			json_object_set(keys, json_string_value(json_object_get(entry, "keyid")),
				json_object_get(entry, "key"));
	}
	return keys;
}

int signer_sign(const Signer *signer, const char *role, const void *message, size_t size,
	json_t **ret_signatures, Reason *reterr_reason)
{
	const char *argv[4 + KEYS_PER_ROLE_MAX + 1] = {
		signer->program, "--keys", signer->keys, "sign"};
	size_t n = 4;

	for (size_t i = 0; i < json_array_size(signer->list) && n < 4 + KEYS_PER_ROLE_MAX; i++) {
		const char *name = name_of(json_array_get(signer->list, i));

		if (belongs_to(name, role))
			argv[n++] = name;
	}
	if (n == 4)
		return reason_set(
			reterr_reason, -ENOENT, "there is no key %s-1 in %s", role, signer->keys);
	return run(signer, argv, message, size, ret_signatures, reterr_reason);
}

int signer_envelope(const Signer *signer, const char *role, json_t *body, Buffer *ret_bytes,
	Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer message = {};
	_cleanup_json_ json_t *signatures = NULL, *envelope = NULL;
	int r = document_canonical(body, &message);

	if (r == 0)
		r = signer_sign(
			signer, role, message.data, message.size, &signatures, reterr_reason);
	if (r < 0)
		return r;
	envelope = json_pack("{s:O, s:O}", "signatures", signatures, "signed", body);
	return envelope ? document_write(envelope, ret_bytes) : -ENOMEM;
}
