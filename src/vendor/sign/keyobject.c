/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/keyobject.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
#include "wire/json/document.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX (8 * KEYOBJECT_SIGNATURE_MAX) /* devices verify each signature */
#define P256_SIZE    32
#define P256_NAME    "prime256v1"

typedef struct KeyType {
	int id; /* of OpenSSL */
	const char *keytype, *scheme;
	const char *digest; /* NULL: the scheme has its own */
	bool (*is_good)(const EVP_PKEY *pkey);
	int (*set_up)(EVP_PKEY_CTX *context);
} KeyType;

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

static bool is_p256(const EVP_PKEY *pkey)
{
	char group[64];

	return EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
		strcmp(group, P256_NAME) == 0;
}

static bool is_good_rsa(const EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_get_bits(pkey);

	return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

static int use_pss(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_AUTO) == 1;
}

static const KeyType types[] = {
	{EVP_PKEY_ED25519, "ed25519", "ed25519", NULL, NULL, NULL},
	{EVP_PKEY_EC, "ecdsa", "ecdsa-sha2-nistp256", "SHA256", is_p256, NULL},
	{EVP_PKEY_RSA, "rsa", "rsassa-pss-sha256", "SHA256", is_good_rsa, use_pss},
};

static const KeyType *type_of(const EVP_PKEY *pkey)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (EVP_PKEY_get_base_id(pkey) == types[i].id)
			return !types[i].is_good || types[i].is_good(pkey) ? &types[i] : NULL;
	return NULL;
}

static json_t *new_object(const KeyType *type, const char *public)
{
	return json_pack("{s:s, s:s, s:{s:s}}", "keytype", type->keytype, "scheme", type->scheme,
		"keyval", "public", public);
}

json_t *keyobject_of_ed25519(const uint8_t public[static ED25519_KEY_SIZE])
{
	char text[2 * ED25519_KEY_SIZE + 1];

	hex_encode(public, ED25519_KEY_SIZE, text);
	return new_object(&types[0], text);
}

static json_t *of_pkey(const KeyType *type, EVP_PKEY *pkey)
{
	_cleanup_(BIO_free_allp) BIO *memory = BIO_new(BIO_s_mem());
	uint8_t public[ED25519_KEY_SIZE];
	size_t size = sizeof(public);
	char *text;

	if (type->id == EVP_PKEY_ED25519)
		return EVP_PKEY_get_raw_public_key(pkey, public, &size) == 1
			? keyobject_of_ed25519(public)
			: NULL;
	/* With its NUL: it becomes a C string. */
	if (!memory || PEM_write_bio_PUBKEY(memory, pkey) != 1 || BIO_write(memory, "", 1) != 1)
		return NULL;
	BIO_get_mem_data(memory, &text);
	return new_object(type, text);
}

static EVP_PKEY *read_pem(const void *text, size_t size)
{
	_cleanup_(BIO_free_allp) BIO *memory = BIO_new_mem_buf(text, (int)size);

	return memory ? PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL) : NULL;
}

int keyobject_of_pem(const void *text, size_t size, json_t **ret_key, Reason *reterr_reason)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = read_pem(text, size);
	const KeyType *type = pkey ? type_of(pkey) : NULL;
	json_t *key;

	if (!pkey)
		return reason_set(reterr_reason, -EBADMSG,
			"no public key in PEM, which starts with -----BEGIN PUBLIC KEY-----; "
			"'openssl x509 -pubkey' takes one out of a certificate, "
			"'openssl pkey -pubin -inform DER' makes one of DER");
	if (!type)
		return reason_set(reterr_reason, -EBADMSG,
			"neither ed25519, ECDSA on P-256, nor RSA of %d to %d bits", RSA_BITS_MIN,
			RSA_BITS_MAX);
	key = of_pkey(type, pkey);
	if (!key)
		return -ENOMEM;
	*ret_key = key;
	return 0;
}

/* Whether the object says that it is of this type. */
static bool is_of(const json_t *key, const KeyType *type)
{
	const char *keytype = json_string_value(json_object_get(key, "keytype"));
	const char *scheme = json_string_value(json_object_get(key, "scheme"));

	return keytype && scheme && strcmp(keytype, type->keytype) == 0 &&
		strcmp(scheme, type->scheme) == 0;
}

static EVP_PKEY *pkey_of(const json_t *key)
{
	const char *public =
		json_string_value(json_object_get(json_object_get(key, "keyval"), "public"));
	uint8_t bytes[ED25519_KEY_SIZE];

	if (!public)
		return NULL;
	if (!is_of(key, &types[0]))
		return read_pem(public, strlen(public));
	if (hex_decode(public, bytes, sizeof(bytes)) < 0)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, sizeof(bytes));
}

static int verify(EVP_PKEY *pkey, const KeyType *type, const void *message, size_t size,
	const Buffer *signature)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters;

	if (!context)
		return -ENOMEM;
	if (EVP_DigestVerifyInit_ex(context, &parameters, type->digest, NULL, NULL, pkey, NULL) !=
			1 ||
		(type->set_up && !type->set_up(parameters)))
		return -EKEYREJECTED;
	return EVP_DigestVerify(context, signature->data, signature->size, message, size) == 1
		? 0
		: -EKEYREJECTED;
}

/* r and s become the DER form of ECDSA-Sig-Value (RFC 3279, section 2.2.3). */
static int der_of_raw(const Buffer *raw, Buffer *ret_der)
{
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw->data, P256_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(raw->data + P256_SIZE, P256_SIZE, NULL);
	unsigned char der[2 * P256_SIZE + 16], *end = der;
	int size;

	if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -ENOMEM;
	}
	size = i2d_ECDSA_SIG(pair, &end);
	return size < 0 ? -ENOMEM : buffer_append(ret_der, der, (size_t)size);
}

int keyobject_check(const json_t *key, const void *message, size_t size, Buffer *signature)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = pkey_of(key);
	const KeyType *type = pkey ? type_of(pkey) : NULL;
	_cleanup_buffer_ Buffer der = {};
	int r;

	if (!type || !is_of(key, type))
		return -EKEYREJECTED;
	r = verify(pkey, type, message, size, signature);
	if (r != -EKEYREJECTED || type->id != EVP_PKEY_EC || signature->size != 2 * P256_SIZE)
		return r;
	r = der_of_raw(signature, &der);
	if (r == 0)
		r = verify(pkey, type, message, size, &der);
	if (r < 0)
		return r;
	buffer_done(signature);
	*signature = der;
	der = (Buffer){};
	return 0;
}
