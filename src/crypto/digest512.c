/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest512.h"

#include <errno.h>
#include <openssl/evp.h>

int digest512_of(const void *data, size_t size, Digest512 *ret)
{
	return EVP_Digest(data, size, ret->bytes, NULL, EVP_sha512(), NULL) == 1 ? 0 : -EIO;
}
