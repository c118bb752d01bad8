/* SPDX-License-Identifier: Apache-2.0 */
/* suture-sign: the only program that opens a secret key. It signs bytes and knows nothing of what
 * they mean; suture-publish prepares them and takes the signatures back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "vendor/sign/keyring.h"
#include "vendor/sign/secret.h"
#include "wire/json/document.h"

#define MESSAGE_SIZE_MAX ((size_t)16 << 20) /* far above the largest metadata file */

static const char *arg_keys, *arg_askpass, *arg_public, *arg_program;
static int arg_passphrase_fd = -1, arg_new_passphrase_fd = -1;
static bool arg_encrypt, arg_remove;
static OptionList arg_arguments;

static int fail(int error, const Reason *reason)
{
	return exit_code_of(log_reason(error, reason));
}

/* A descriptor that gave one passphrase cannot give the other; what is signed is none. */
static int check_descriptors(bool signs, Reason *reason)
{
	if (signs && arg_passphrase_fd == STDIN_FILENO)
		return reason_set(reason, -EINVAL,
			"what is to be signed comes on descriptor 0: give the passphrase on "
			"another one");
	if (arg_passphrase_fd >= 0 && arg_passphrase_fd == arg_new_passphrase_fd)
		return reason_set(reason, -EINVAL,
			"one descriptor has one passphrase: give the new one on another");
	return 0;
}

static int check_askpass(const char *askpass, Reason *reason)
{
	if (!askpass || strchr(askpass, '/'))
		return 0;
	return reason_set(reason, -EINVAL, "%s: give the askpass program with its path", askpass);
}

static int open_keyring(bool signs, Keyring *ret_keyring, Reason *reason)
{
	const char *askpass = arg_askpass ? arg_askpass : getenv("SUTURE_ASKPASS");
	int r = check_descriptors(signs, reason);

	askpass = askpass && askpass[0] ? askpass : NULL;
	if (r == 0)
		r = check_askpass(askpass, reason);
	*ret_keyring = (Keyring){
		.folder = arg_keys,
		.passphrases = {arg_passphrase_fd, "--passphrase-fd", askpass},
		.changed = {arg_new_passphrase_fd, "--new-passphrase-fd", askpass},
	};
	return r;
}

/* What a verb made of the keyring, or why not. */
static int finish(int error, const json_t *json, const Reason *reason)
{
	_cleanup_buffer_ Buffer buffer = {};

	if (error == 0 && json)
		error = document_write(json, &buffer);
	if (error < 0)
		return fail(error, reason);
	return exit_code_of(fd_write_full(STDOUT_FILENO, buffer.data, buffer.size));
}

static int verb_create(int count, char **operands)
{
	_cleanup_(keyring_done) Keyring keyring = {};
	_cleanup_json_ json_t *description = NULL;
	Reason reason = {};
	int r = open_keyring(false, &keyring, &reason);

	if (r == 0 && arg_passphrase_fd >= 0 && !arg_encrypt)
		r = reason_set(
			&reason, -EINVAL, "a passphrase is given, but not for what: add --encrypt");
	if (r == 0)
		r = keyring_create(&keyring, operands[0], arg_encrypt, &description, &reason);
	return finish(r, description, &reason);
}

static int verb_add(int count, char **operands)
{
	_cleanup_(keyring_done) Keyring keyring = {};
	_cleanup_external_ External external = {};
	_cleanup_json_ json_t *description = NULL;
	Reason reason = {};
	int r = open_keyring(false, &keyring, &reason);

	if (r == 0 && (!arg_public || !arg_program))
		r = reason_set(
			&reason, -EINVAL, "say what to add: --public FILE.pem and --program PATH");
	if (r == 0)
		r = external_new(
			arg_program, arg_arguments.items, arg_arguments.count, &external, &reason);
	if (r == 0)
		r = keyring_add(
			&keyring, operands[0], arg_public, &external, &description, &reason);
	return finish(r, description, &reason);
}

static int verb_list(int count, char **operands)
{
	_cleanup_(keyring_done) Keyring keyring = {};
	_cleanup_json_ json_t *list = NULL;
	Reason reason = {};
	int r = open_keyring(false, &keyring, &reason);

	if (r == 0)
		r = keyring_list(&keyring, &list, &reason);
	return finish(r, list, &reason);
}

static int verb_public(int count, char **operands)
{
	_cleanup_(keyring_done) Keyring keyring = {};
	_cleanup_json_ json_t *description = NULL;
	Reason reason = {};
	int r = open_keyring(false, &keyring, &reason);

	if (r == 0)
		r = keyring_describe(&keyring, operands[0], &description, &reason);
	return finish(r, description, &reason);
}

static int verb_sign(int count, char **operands)
{
	_cleanup_(keyring_done) Keyring keyring = {};
	_cleanup_json_ json_t *list = json_array();
	_cleanup_free_ uint8_t *message = NULL;
	Reason reason = {};
	size_t size;
	int r = open_keyring(true, &keyring, &reason);

	if (r == 0)
		r = fd_read_all(STDIN_FILENO, MESSAGE_SIZE_MAX, &message, &size);
	if (r < 0 && reason.text[0] == '\0')
		reason_errno(&reason, r, "cannot read what to sign from standard input");
	for (int i = 0; r == 0 && i < count; i++) {
		json_t *signature = NULL;

		r = keyring_sign(&keyring, operands[i], message, size, &signature, &reason);
		if (r == 0 && json_array_append_new(list, signature) < 0)
			r = -ENOMEM;
	}
	return finish(r, list, &reason);
}

static int verb_passphrase(int count, char **operands)
{
	_cleanup_(keyring_done) Keyring keyring = {};
	Reason reason = {};
	int r = open_keyring(false, &keyring, &reason);

	if (r == 0)
		r = keyring_change_passphrase(&keyring, operands[0], arg_remove, &reason);
	return finish(r, NULL, &reason);
}

static const Option options[] = {
	{"keys", "DIR", "folder of the secret keys", OPTION_TEXT, &arg_keys, true},
	{"passphrase-fd", "N", "descriptor to read a key's passphrase from", OPTION_NUMBER,
		&arg_passphrase_fd},
	{"new-passphrase-fd", "N", "passphrase: descriptor to read the new one from", OPTION_NUMBER,
		&arg_new_passphrase_fd},
	{"askpass", "PROGRAM", "program that asks a person for a passphrase", OPTION_TEXT,
		&arg_askpass},
	{"encrypt", NULL, "create: give the key a passphrase", OPTION_FLAG, &arg_encrypt},
	{"remove", NULL, "passphrase: take it away", OPTION_FLAG, &arg_remove},
	{"public", "FILE.pem", "add: the public half of the key", OPTION_TEXT, &arg_public},
	{"program", "PATH", "add: the program that signs with the key", OPTION_TEXT, &arg_program},
	{"argument", "TEXT", "add: an argument of the program (repeatable)", OPTION_LIST,
		&arg_arguments},
	{},
};

static const Verb verbs[] = {
	{"create", "NAME", "make a new ed25519 key and print its public half", 1, 1, verb_create},
	{"add", "NAME", "sign with a key of another key store under this name", 1, 1, verb_add},
	{"list", "", "print the public halves of all keys", 0, 0, verb_list},
	{"public", "NAME", "print the public half of one key", 1, 1, verb_public},
	{"sign", "NAME...", "sign standard input, print the signatures", 1, COMMAND_WORDS_MAX,
		verb_sign},
	{"passphrase", "NAME", "set, change or take away a key's passphrase", 1, 1,
		verb_passphrase},
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
