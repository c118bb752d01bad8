/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"

#define DIGEST_CHUNK ((size_t)256 * 1024)

int digest_of(const void *data, size_t size, Digest *ret)
{
	return EVP_Digest(data, size, ret->bytes, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

DigestStream *digest_stream_new(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(context);
		return NULL;
	}
	return (DigestStream *)context;
}

DigestStream *digest_stream_free(DigestStream *stream)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)stream);
	return NULL;
}

int digest_stream_update(DigestStream *stream, const void *data, size_t size)
{
	return EVP_DigestUpdate((EVP_MD_CTX *)stream, data, size) == 1 ? 0 : -EIO;
}

int digest_stream_final(DigestStream *stream, Digest *ret)
{
	return EVP_DigestFinal_ex((EVP_MD_CTX *)stream, ret->bytes, NULL) == 1 ? 0 : -EIO;
}

int digest_of_fd(int fd, Digest *ret, uint64_t *ret_size)
{
	_cleanup_(digest_stream_freep) DigestStream *stream = digest_stream_new();
	_cleanup_free_ uint8_t *chunk = memory_raw(DIGEST_CHUNK);
	uint64_t offset = 0;
	int r;

	if (!stream || !chunk)
		return -ENOMEM;
	for (;;) {
		ssize_t n = pread(fd, chunk, DIGEST_CHUNK, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		r = digest_stream_update(stream, chunk, (size_t)n);
		if (r < 0)
			return r;
		offset += (uint64_t)n;
	}
	r = digest_stream_final(stream, ret);
	if (r == 0 && ret_size)
		*ret_size = offset;
	return r;
}

bool digest_equal(const Digest *a, const Digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

bool digest_is_zero(const Digest *digest)
{
	static const Digest zero;

	return digest_equal(digest, &zero);
}

void digest_to_text(const Digest *digest, char ret_text[static DIGEST_TEXT_SIZE])
{
	hex_encode(digest->bytes, DIGEST_SIZE, ret_text);
}

int digest_from_text(const char *text, Digest *ret)
{
	return hex_decode(text, ret->bytes, DIGEST_SIZE);
}
