/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile public key and a hostile signature: a byte that chooses the type, the key's text up to
 * a NUL, the signature. */
#include <string.h>

#include "crypto/publickey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *type, *scheme;
	} kinds[] = {{"ed25519", "ed25519"}, {"ecdsa", "ecdsa-sha2-nistp256"},
		{"rsa", "rsassa-pss-sha256"}};
	_cleanup_(public_key_freep) PublicKey *key = NULL;
	_cleanup_free_ char *text = NULL;
	size_t used;
	uint8_t kind;

	if (size == 0)
		return 0;
	kind = data[0] % ARRAY_SIZE(kinds);
	text = memory_string_n((const char *)data + 1, size - 1);
	if (!text || public_key_new(kinds[kind].type, kinds[kind].scheme, text, &key) < 0)
		return 0;
	if (!public_key_equal(key, key))
		abort();
	used = 1 + strlen(text);
	used += used < size; /* the NUL */
	(void)public_key_verify(key, data + used, size - used, "abc", 3);
	return 0;
}
