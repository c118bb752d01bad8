/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/keyobject.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/publickey.h"
#include "wire/json/document.h"

#define P256_SIZE 32

typedef struct KeyType {
	int id; /* of OpenSSL */
	const char *keytype, *scheme;
} KeyType;

static const KeyType types[] = {
	{EVP_PKEY_ED25519, "ed25519", "ed25519"},
	{EVP_PKEY_EC, "ecdsa", "ecdsa-sha2-nistp256"},
	{EVP_PKEY_RSA, "rsa", "rsassa-pss-sha256"},
};

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

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

static json_t *of_pkey(EVP_PKEY *pkey, const KeyType *type)
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
	static char no_passphrase[] = ""; /* never asks a terminal */
	_cleanup_(BIO_free_allp) BIO *memory = BIO_new_mem_buf(text, (int)size);

	return memory ? PEM_read_bio_PUBKEY(memory, NULL, NULL, no_passphrase) : NULL;
}

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static int read_key(const json_t *key, PublicKey **ret_key)
{
	return public_key_new(member(key, "keytype"), member(key, "scheme"),
		member(json_object_get(key, "keyval"), "public"), ret_key);
}

/* What those who verify do not take is nothing to sign with. */
static int check_kind(const json_t *key, Reason *reason)
{
	_cleanup_(public_key_freep) PublicKey *public = NULL;
	int r = key ? read_key(key, &public) : -EBADMSG;

	return r != -EBADMSG && r != -EOPNOTSUPP
		? r
		: reason_set(reason, -EBADMSG,
			  "neither ed25519, ECDSA on the named curve P-256, nor RSA of %d to %d "
			  "bits",
			  PUBLIC_KEY_RSA_BITS_MIN, PUBLIC_KEY_RSA_BITS_MAX);
}

int keyobject_of_pem(const void *text, size_t size, json_t **ret_key, Reason *reterr_reason)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = read_pem(text, size);
	_cleanup_json_ json_t *key = NULL;
	int r;

	if (!pkey)
		return reason_set(reterr_reason, -EBADMSG,
			"no public key in PEM, which starts with -----BEGIN PUBLIC KEY-----; "
			"'openssl x509 -pubkey' takes one out of a certificate, "
			"'openssl pkey -pubin -inform DER' makes one of DER");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (EVP_PKEY_get_base_id(pkey) == types[i].id) {
			key = of_pkey(pkey, &types[i]);
			if (!key)
				return -ENOMEM;
		}
	r = check_kind(key, reterr_reason);
	if (r == 0)
		*ret_key = TAKE_PTR(key);
	return r;
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
	_cleanup_(public_key_freep) PublicKey *public = NULL;
	_cleanup_buffer_ Buffer der = {};
	int r = read_key(key, &public);

	if (r < 0)
		return r == -ENOMEM ? r : -EKEYREJECTED;
	r = public_key_verify(public, signature->data, signature->size, message, size);
	if (r != -EKEYREJECTED || strcmp(member(key, "keytype"), types[1].keytype) != 0 ||
		signature->size != 2 * P256_SIZE)
		return r;
	r = der_of_raw(signature, &der);
	if (r == 0)
		r = public_key_verify(public, der.data, der.size, message, size);
	if (r < 0)
		return r;
	buffer_done(signature);
	*signature = der;
	der = (Buffer){};
	return 0;
}
