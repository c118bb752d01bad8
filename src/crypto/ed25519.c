/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ed25519.h"

#include <errno.h>
#include <openssl/evp.h>

#include "base/memory.h"

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

int ed25519_verify(const uint8_t key[static ED25519_KEY_SIZE],
	const uint8_t signature[static ED25519_SIGNATURE_SIZE], const void *message, size_t size)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *public = NULL;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context)
		return -ENOMEM;
	public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY_SIZE);
	if (!public || EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) != 1)
		return -EKEYREJECTED;
	return EVP_DigestVerify(context, signature, ED25519_SIGNATURE_SIZE, message, size) == 1
		? 0
		: -EKEYREJECTED;
}
