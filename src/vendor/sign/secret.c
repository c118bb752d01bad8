/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* A key file, its key, three passphrases and what OpenSSL adds are 12 KiB; a power of two below the
 * 64 KiB that old kernels and containers let a user lock. */
#define HEAP_SIZE       ((size_t)32 << 10)
#define HEAP_PIECE_SIZE 32 /* an ed25519 key */
#define HEAP_NOT_LOCKED 2  /* CRYPTO_secure_malloc_init(3): made, but not as safe as it could be */

int secret_start(void)
{
	const struct rlimit no_core = {};
	int r;

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	r = CRYPTO_secure_malloc_init(HEAP_SIZE, HEAP_PIECE_SIZE);
	if (r == 0)
		return -ENOMEM;
	return r == HEAP_NOT_LOCKED;
}

int secret_new(size_t capacity, Secret *ret)
{
	unsigned char *data = OPENSSL_secure_zalloc(capacity);

	if (!data)
		return -ENOMEM;
	*ret = (Secret){.data = data, .capacity = capacity};
	return 0;
}

int secret_append(Secret *secret, const void *data, size_t size)
{
	if (size > secret->capacity - secret->size)
		return -EMSGSIZE;
	memcpy(secret->data + secret->size, data, size);
	secret->size += size;
	return 0;
}

void secret_done(Secret *secret)
{
	OPENSSL_secure_clear_free(secret->data, secret->capacity);
	*secret = (Secret){};
}

bool secret_equal(const Secret *a, const Secret *b)
{
	return a->size == b->size && CRYPTO_memcmp(a->data, b->data, a->size) == 0;
}
