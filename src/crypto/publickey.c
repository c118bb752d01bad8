/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/publickey.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/hex.h"
#include "base/text.h"
#include "crypto/ed25519.h"

#define PEM_BEGIN  "-----BEGIN PUBLIC KEY-----"
#define PEM_END    "-----END PUBLIC KEY-----"
#define PEM_BLANKS " \t\r\n"
#define PEM_DIGITS TEXT_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" TEXT_DIGITS "+/"

typedef struct Scheme {
	const char *type, *name;
	EVP_PKEY *(*read)(const char *text); /* NULL: the text is no such key */
	const EVP_MD *(*digest)(void);       /* NULL: the scheme brings its own */
} Scheme;

struct PublicKey {
	const Scheme *scheme;
	EVP_PKEY *pkey;
};

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

static EVP_PKEY *read_ed25519(const char *text)
{
	uint8_t bytes[ED25519_KEY_SIZE];

	if (hex_decode(text, bytes, sizeof(bytes)) < 0)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, sizeof(bytes));
}

/* Copies `size` characters without the blanks; the number of what is left. */
static size_t squeeze(const char *text, size_t size, char *ret_text)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		if (!strchr(PEM_BLANKS, text[i]))
			ret_text[n++] = text[i];
	ret_text[n] = '\0';
	return n;
}

/* Bytes of a base64 text, or -1. libcrypto's decoder takes padding anywhere and drops what is left
 * over; its PEM reader skips text in front and may ask for a pass phrase. */
static int decode_base64(const char *text, size_t size, uint8_t *ret_data)
{
	size_t digits = strspn(text, PEM_DIGITS);
	size_t padding = size - digits;

	if (size == 0 || size % 4 != 0 || padding > 2 || strspn(text + digits, "=") != padding)
		return -1;
	return EVP_DecodeBlock(ret_data, (const uint8_t *)text, (int)size) - (int)padding;
}

static EVP_PKEY *read_pem(const char *text)
{
	char digits[PUBLIC_KEY_TEXT_MAX + 1];
	uint8_t der[PUBLIC_KEY_TEXT_MAX];
	const uint8_t *at = der;
	const char *end;
	EVP_PKEY *pkey;
	int size;

	text += strspn(text, PEM_BLANKS);
	if (strlen(text) > PUBLIC_KEY_TEXT_MAX || !text_starts_with(text, PEM_BEGIN))
		return NULL;
	text += strlen(PEM_BEGIN);
	end = strstr(text, PEM_END);
	if (!end || end[strlen(PEM_END) + strspn(end + strlen(PEM_END), PEM_BLANKS)])
		return NULL;
	size = decode_base64(digits, squeeze(text, (size_t)(end - text), digits), der);
	pkey = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
	if (pkey && at == der + size)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

/* A named curve only: parameters of one's own can make any point a public key (CVE-2020-0601). */
static bool is_on_p256(EVP_PKEY *pkey)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	char group[32];
	int is_explicit = 0;

	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
		EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
		strcmp(group, "prime256v1") == 0 &&
		EVP_PKEY_get_int_param(
			pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) == 1 &&
		!is_explicit && context && EVP_PKEY_public_check(context) == 1;
}

static bool is_rsa(EVP_PKEY *pkey)
{
	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA &&
		EVP_PKEY_get_bits(pkey) >= PUBLIC_KEY_RSA_BITS_MIN &&
		EVP_PKEY_get_bits(pkey) <= PUBLIC_KEY_RSA_BITS_MAX;
}

static EVP_PKEY *read_pem_of(const char *text, bool (*is_fit)(EVP_PKEY *))
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = read_pem(text);

	return pkey && is_fit(pkey) ? TAKE_PTR(pkey) : NULL;
}

static EVP_PKEY *read_p256(const char *text)
{
	return read_pem_of(text, is_on_p256);
}

static EVP_PKEY *read_rsa(const char *text)
{
	return read_pem_of(text, is_rsa);
}

static const Scheme *find_scheme(const char *type, const char *name)
{
	static const Scheme schemes[] = {
		{"ed25519", "ed25519", read_ed25519, NULL},
		{"ecdsa", "ecdsa-sha2-nistp256", read_p256, EVP_sha256},
		{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", read_p256, EVP_sha256},
		{"rsa", "rsassa-pss-sha256", read_rsa, EVP_sha256},
	};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strcmp(schemes[i].type, type) == 0 && strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

int public_key_new(const char *type, const char *scheme, const char *text, PublicKey **ret_key)
{
	_cleanup_(public_key_freep) PublicKey *key = memory_new(sizeof(*key));

	if (!key)
		return -ENOMEM;
	key->scheme = find_scheme(type, scheme);
	if (!key->scheme)
		return -EOPNOTSUPP;
	key->pkey = key->scheme->read(text);
	if (!key->pkey)
		return -EBADMSG;
	*ret_key = TAKE_PTR(key);
	return 0;
}

PublicKey *public_key_free(PublicKey *key)
{
	if (key)
		EVP_PKEY_free(key->pkey);
	memory_free(key);
	return NULL;
}

bool public_key_equal(const PublicKey *a, const PublicKey *b)
{
	return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

/* The salt's length is found in the signature: signers differ in it, and it adds no freedom to who
 * has no key. */
static bool set_padding(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_AUTO) == 1;
}

int public_key_verify(const PublicKey *key, const void *signature, size_t signature_size,
	const void *message, size_t size)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	const EVP_MD *digest = key->scheme->digest ? key->scheme->digest() : NULL;
	EVP_PKEY_CTX *padding; /* the context's */

	if (!context)
		return -ENOMEM;
	if (EVP_DigestVerifyInit(context, &padding, digest, NULL, key->pkey) != 1)
		return -EKEYREJECTED;
	if (EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_RSA && !set_padding(padding))
		return -EKEYREJECTED;
	return EVP_DigestVerify(context, signature, signature_size, message, size) == 1
		? 0
		: -EKEYREJECTED;
}
