/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Digest: SHA-256 (FIPS 180-4) of memory, files and streams. Errors: -ENOMEM, -EIO, or what reading
 * gave. The text form is 64 lower-case hexadecimal digits. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

#define DIGEST_SIZE      32
#define DIGEST_TEXT_SIZE 65 /* with its NUL */

typedef struct Digest {
	uint8_t bytes[DIGEST_SIZE];
} Digest;

int digest_of(const void *data, size_t size, Digest *ret);

/* From offset 0 to the end of the file, without moving its position. ret_size may be NULL. */
int digest_of_fd(int fd, Digest *ret, uint64_t *ret_size);

bool digest_equal(const Digest *a, const Digest *b);
bool digest_is_zero(const Digest *digest);
void digest_to_text(const Digest *digest, char ret_text[static DIGEST_TEXT_SIZE]);
int digest_from_text(const char *text, Digest *ret); /* 0 or -EBADMSG */

/* A digest in the making: new, update any number of times, final once, free. */
typedef struct DigestStream DigestStream;
DigestStream *digest_stream_new(void);
DigestStream *digest_stream_free(DigestStream *stream);
DEFINE_CLEANUP(DigestStream *, digest_stream_free)
int digest_stream_update(DigestStream *stream, const void *data, size_t size);
int digest_stream_final(DigestStream *stream, Digest *ret);
