/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Secret: bytes that nobody else may see: keys, passphrases, and the text of key files.
 *
 *     r = secret_start();                          first of all, once
 *     _cleanup_secret_ Secret passphrase = {};     wiped when it leaves scope
 *     r = secret_new(PASSPHRASE_SIZE_MAX, &passphrase);
 *
 * They live in OpenSSL's secure heap, where OpenSSL itself keeps ed25519 keys: locked into memory,
 * left out of core dumps, between guard pages, wiped when freed. Not there are OpenSSL's own copies
 * while it works, which are the passphrase in its key derivation and the key schedule of AES: it
 * wipes them, but nothing keeps them from being swapped out meanwhile.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

typedef struct Secret {
	unsigned char *data;
	size_t size;     /* bytes in use */
	size_t capacity; /* bytes that fit */
} Secret;

/* Makes the heap, and the process such that it leaves no core and that no other process of the user
 * may look into it. 0; 1: the memory could not be locked (RLIMIT_MEMLOCK), all else is as it should
 * be; -ENOMEM or another negative errno. */
int secret_start(void);

int secret_new(size_t capacity, Secret *ret);                     /* 0 or -ENOMEM */
int secret_append(Secret *secret, const void *data, size_t size); /* -EMSGSIZE: does not fit */
void secret_done(Secret *secret);                                 /* wipes it */
#define _cleanup_secret_ _cleanup_(secret_done)

bool secret_equal(const Secret *a, const Secret *b);
