/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/trust-file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "wire/trust/envelope.h"

/* False when the hash is malformed; when it is absent, *ret_has is false. */
static bool read_hash(
	const json_t *hashes, const char *kind, uint8_t *ret_bytes, size_t size, bool *ret_has)
{
	const json_t *hash = json_object_get(hashes, kind);

	*ret_has = hash != NULL;
	return !hash ||
		(json_is_string(hash) && hex_decode(json_string_value(hash), ret_bytes, size) == 0);
}

static int read_hashes(const json_t *hashes, const char *name, TrustFile *file, Reason *reason)
{
	if (!hashes)
		return 0;
	if (!read_hash(hashes, "sha256", file->sha256.bytes, DIGEST_SIZE, &file->has_sha256) ||
		!read_hash(hashes, "sha512", file->sha512.bytes, DIGEST512_SIZE, &file->has_sha512))
		return reason_set(reason, -EBADMSG, "a hash of %s is malformed", name);
	if (!file->has_sha256 && !file->has_sha512)
		return reason_set(reason, -EBADMSG,
			"%s is listed without a hash that is known here, SHA-256 or SHA-512", name);
	return 0;
}

int trust_file_read(
	const json_t *entry, const char *name, TrustFile *ret_file, Reason *reterr_reason)
{
	const json_t *length = json_object_get(entry, "length");
	TrustFile file = {.version = envelope_version(entry), .has_length = length != NULL};
	int r;

	if (!json_is_object(entry))
		return reason_set(reterr_reason, -EBADMSG, "the entry of %s is malformed", name);
	if (length && (!json_is_integer(length) || json_integer_value(length) < 0))
		return reason_set(reterr_reason, -EBADMSG, "the length of %s is malformed", name);
	if (length)
		file.length = (uint64_t)json_integer_value(length);
	r = read_hashes(json_object_get(entry, "hashes"), name, &file, reterr_reason);
	if (r == 0)
		*ret_file = file;
	return r;
}

int trust_file_check(const TrustFile *file, const void *data, size_t size, const char *name,
	Reason *reterr_reason)
{
	Digest sha256 = {};
	Digest512 sha512 = {};
	int r = 0;

	if (file->has_length && size != file->length)
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s has %zu bytes, not the announced %" PRIu64, name, size, file->length);
	if (file->has_sha256)
		r = digest_of(data, size, &sha256);
	if (r == 0 && file->has_sha512)
		r = digest512_of(data, size, &sha512);
	if (r < 0)
		return r;
	if ((file->has_sha256 && !digest_equal(&sha256, &file->sha256)) ||
		(file->has_sha512 && memcmp(&sha512, &file->sha512, sizeof(sha512)) != 0))
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s is not the bytes that were announced", name);
	return 0;
}
