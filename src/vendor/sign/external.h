/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * External: a key that lies in another key store (a token, an HSM, a service), and the program that
 * signs with it. The folder of keys has `NAME.json` for it: which program, with which arguments,
 * and the public key that whatever it prints must be a signature by.
 *
 * The program gets the bytes to sign on standard input, our environment, and nothing else; it
 * prints the signature, and nothing else, on standard output: 64 bytes for ed25519; DER or r and s
 * for ECDSA; RSASSA-PSS with MGF1 and SHA-256 for RSA. Its exit code is 0, or the last line on its
 * standard error says what was wrong.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/reason.h"
#include "wire/json/schema.h"

#define EXTERNAL_ARGUMENTS_MAX     64
#define EXTERNAL_ARGUMENT_SIZE_MAX 512
#define EXTERNAL_SECONDS_MAX       120 /* a person may have to touch the token */

typedef struct External {
	uint64_t schema; /* 1 */
	json_t *key;     /* wire/trust/key.h */
	char *program;   /* an absolute path */
	SCHEMA_LIST(char *) arguments;
} External;

void external_done(External *external);
#define _cleanup_external_ _cleanup_(external_done)

/* Of a program and its arguments; the key is still missing. -EINVAL for a program that has no
 * absolute path, and for arguments that cannot be kept; -ENOENT or -EACCES when it cannot be run.
 */
int external_new(const char *program, const char *const *arguments, size_t count, External *ret,
	Reason *reterr_reason);

int external_load(const char *folder, const char *name, External *ret, Reason *reterr_reason);

int external_save(
	const char *folder, const char *name, const External *external, Reason *reterr_reason);

/* Runs the program and verifies what it prints: -EKEYREJECTED when that is no signature by the key,
 * -EIO when the program failed, -ETIMEDOUT. */
int external_sign(const External *external, const char *name, const void *message, size_t size,
	Buffer *ret_signature, Reason *reterr_reason);
