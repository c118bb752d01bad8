/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Passphrases: where the passphrases of keys come from. Of these the first that is there:
 *   - a descriptor, whose first line it is. A file is read from its start without moving its
 *     position, so that several programs can share the descriptor; anything else is read once.
 *   - an askpass program: gets the prompt as its only argument and prints the passphrase, as those
 *     of ssh-add(1) and systemd-ask-password(1) do
 *   - the terminal of the session, /dev/tty
 * None comes from a command line, which every user can see.
 */
#include "base/reason.h"
#include "vendor/sign/secret.h"

#define PASSPHRASE_SIZE_MAX 1023 /* what `openssl pkey` reads of one */

typedef struct Passphrases {
	int fd;              /* -1: none */
	const char *option;  /* by which it is given, for reasons */
	const char *askpass; /* a path; NULL: none */
	Secret line;         /* what was read from fd: it serves every key */
} Passphrases;

void passphrases_done(Passphrases *passphrases);

/* Asks for the passphrase of `what`. -EACCES when nobody gives one, with a reason that says how to.
 * Never an empty one. */
int passphrases_ask(
	Passphrases *passphrases, const char *what, Secret *ret_passphrase, Reason *reterr_reason);

/* Asks for a new passphrase; a person twice, -EINVAL when the two differ. */
int passphrases_ask_new(
	Passphrases *passphrases, const char *what, Secret *ret_passphrase, Reason *reterr_reason);
