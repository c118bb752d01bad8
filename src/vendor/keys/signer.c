/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/keys/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "wire/json/document.h"

#define OUTPUT_SIZE_MAX ((size_t)4 << 20)
#define KEYS_PER_FOLDER_MAX                                                                        \
	10000 /* of one role: numbers that were ever used are not used again                       \
	       */
#define PROGRAM "suture-sign"

/* Where the child finds the passphrase. */
#define PASSPHRASE_FD      3
#define PASSPHRASE_FD_TEXT "3"
#define WORDS_MAX          (8 + SIGNER_NAMES_MAX)

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
	static Reason warning; /* the same one of every run: it is told once */
	bool warned = warning.text[0] != '\0';
	const char *words[WORDS_MAX];
	Process process = {.argv = words,
		.warning = &warning,
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
	if (!warned && warning.text[0] != '\0')
		log_info("%s: %s", PROGRAM, warning.text);
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

/* "root-2" belongs to "root"; "root-x-2" does not. */
static bool belongs_to(const char *name, const char *role)
{
	size_t length = strlen(role);

	return strncmp(name, role, length) == 0 && name[length] == '-' &&
		text_consists_of(name + length + 1, TEXT_DIGITS);
}

const json_t *signer_find(const Signer *signer, const char *member, const char *value)
{
	for (size_t i = 0; i < json_array_size(signer->list); i++) {
		const json_t *entry = json_array_get(signer->list, i);

		if (strcmp(document_text(entry, member), value) == 0)
			return entry;
	}
	return NULL;
}

const char *signer_name_of(const Signer *signer, const char *keyid)
{
	const json_t *entry = signer_find(signer, "keyid", keyid);

	return entry ? document_text(entry, "name") : NULL;
}

static int create_key(Signer *signer, const char *name, Reason *reason)
{
	const char *const argv[] = {signer->program, "--keys", signer->keys, "create", name,
		signer->passphrase > 0 ? "--encrypt" : NULL, NULL};
	_cleanup_json_ json_t *made = NULL;
	int r = run(signer, argv, NULL, 0, &made, reason);

	return r < 0 ? r : load_list(signer, reason);
}

int signer_create_keys(Signer *signer, const char *role, unsigned count, Reason *reterr_reason)
{
	for (unsigned i = 1; i <= count; i++) {
		_cleanup_free_ char *name = memory_printf("%s-%u", role, i);
		int r = 0;

		if (!name)
			return -ENOMEM;
		if (!signer_find(signer, "name", name))
			r = create_key(signer, name, reterr_reason);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_taken(const Signer *signer, const json_t *names, const char *name)
{
	const char *keyid;
	json_t *each;

	json_object_foreach((json_t *)names, keyid, each)
	{
		if (strcmp(json_string_value(each), name) == 0)
			return true;
	}
	return signer_find(signer, "name", name) != NULL;
}

int signer_create_next(Signer *signer, const char *role, const json_t *names,
	const json_t **ret_entry, Reason *reterr_reason)
{
	for (unsigned i = 1; i <= KEYS_PER_FOLDER_MAX; i++) {
		_cleanup_free_ char *name = memory_printf("%s-%u", role, i);
		int r;

		if (!name)
			return -ENOMEM;
		if (is_taken(signer, names, name))
			continue;
		r = create_key(signer, name, reterr_reason);
		if (r < 0)
			return r;
		*ret_entry = signer_find(signer, "name", name);
		return *ret_entry
			? 0
			: reason_set(reterr_reason, -EBADMSG,
				  "%s made the key %s and does not list it", PROGRAM, name);
	}
	return reason_set(
		reterr_reason, -E2BIG, "there are too many keys %s-N in %s", role, signer->keys);
}

json_t *signer_public_keys(const Signer *signer, const char *role)
{
	json_t *keys = json_object();

	for (size_t i = 0; keys && i < json_array_size(signer->list); i++) {
		const json_t *entry = json_array_get(signer->list, i);

		if (belongs_to(document_text(entry, "name"), role))
			json_object_set(
				keys, document_text(entry, "keyid"), json_object_get(entry, "key"));
	}
	return keys;
}

int signer_sign(const Signer *signer, const json_t *names, const void *message, size_t size,
	json_t **ret_signatures, Reason *reterr_reason)
{
	const char *argv[4 + SIGNER_NAMES_MAX + 1] = {
		signer->program, "--keys", signer->keys, "sign"};

	if (json_array_size(names) > SIGNER_NAMES_MAX)
		return reason_set(reterr_reason, -E2BIG, "more than %d keys of %s would sign",
			SIGNER_NAMES_MAX, signer->keys);
	for (size_t i = 0; i < json_array_size(names); i++)
		argv[4 + i] = json_string_value(json_array_get(names, i));
	return run(signer, argv, message, size, ret_signatures, reterr_reason);
}
