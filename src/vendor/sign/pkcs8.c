/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/pkcs8.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PLAIN     "PRIVATE KEY"
#define ENCRYPTED "ENCRYPTED PRIVATE KEY"

/* The cost of one guess. `openssl pkey` reads no scrypt above 32 MiB, so N stays at 2^14 (16 MiB)
 * and p is 5: what OWASP's "Password Storage Cheat Sheet" has as the equal of its first choice. A
 * quarter of a second. */
#define SCRYPT_N  (1 << 14)
#define SCRYPT_R  8
#define SCRYPT_P  5
#define SALT_SIZE 16

/* SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING (seed) } }: DER
 * leaves no other form for an ed25519 key without attributes. */
static const uint8_t der_start[] = {
	0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
#define DER_SIZE         (sizeof(der_start) + PKCS8_SEED_SIZE)
#define DER_BASE64_SIZE  (DER_SIZE / 3 * 4)
#define CIPHER_BLOCK_MAX EVP_MAX_BLOCK_LENGTH
_Static_assert(DER_SIZE % 3 == 0, "the base64 of a key needs no padding");

DEFINE_CLEANUP(X509_SIG *, X509_SIG_free)
DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

/* What is left to read of a text. */
typedef struct Lines {
	const char *at, *end;
} Lines;

static bool next_line(Lines *lines, const char **ret_line, size_t *ret_length)
{
	const char *end;

	if (lines->at == lines->end)
		return false;
	end = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
	end = end ? end : lines->end;
	*ret_line = lines->at;
	*ret_length = (size_t)(end - lines->at);
	lines->at = end < lines->end ? end + 1 : end;
	if (*ret_length > 0 && (*ret_line)[*ret_length - 1] == '\r')
		(*ret_length)--;
	return true;
}

static bool is_boundary(const char *line, size_t length, const char *edge, const char *label)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "-----%s %s-----", edge, label);

	return length == (size_t)size && memcmp(line, text, length) == 0;
}

/* One line of base64: whole groups of four, so that each line stands for itself. */
static int decode_line(const char *line, size_t length, Secret *der)
{
	size_t padding = 0;
	int n;

	if (length == 0 || length % 4 != 0 || length / 4 * 3 > der->capacity - der->size)
		return -EBADMSG;
	while (padding < 2 && line[length - 1 - padding] == '=')
		padding++;
	n = EVP_DecodeBlock(der->data + der->size, (const unsigned char *)line, (int)length);
	if (n != (int)(length / 4 * 3))
		return -EBADMSG;
	der->size += (size_t)n - padding;
	return 0;
}

/* The bytes between the boundaries of a PEM text that starts with the one of `label`. */
static int decode_pem(const Secret *text, const char *label, Secret *ret_der)
{
	_cleanup_secret_ Secret der = {};
	Lines lines = {(const char *)text->data, (const char *)text->data + text->size};
	const char *line;
	size_t length;
	int r = secret_new(PKCS8_TEXT_MAX, &der);

	if (r == 0 &&
		(!next_line(&lines, &line, &length) || !is_boundary(line, length, "BEGIN", label)))
		return -EBADMSG;
	while (r == 0 && next_line(&lines, &line, &length)) {
		if (is_boundary(line, length, "END", label)) {
			*ret_der = der;
			der = (Secret){};
			return lines.at == lines.end ? 0 : -EBADMSG;
		}
		r = decode_line(line, length, &der);
	}
	return r < 0 ? r : -EBADMSG;
}

bool pkcs8_is_encrypted(const Secret *text)
{
	Lines lines = {(const char *)text->data, (const char *)text->data + text->size};
	const char *line;
	size_t length;

	return next_line(&lines, &line, &length) && is_boundary(line, length, "BEGIN", ENCRYPTED);
}

/* One direction or the other of what the algorithm (PBES2, with its parameters) says. */
static int run_cipher(const X509_ALGOR *algorithm, const Secret *passphrase, const void *data,
	size_t size, bool encrypt, Secret *ret)
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	_cleanup_secret_ Secret output = {};
	int n = 0, last = 0;
	int r = context ? secret_new(size + CIPHER_BLOCK_MAX, &output) : -ENOMEM;

	if (r < 0)
		return r;
	if (EVP_PBE_CipherInit(algorithm->algorithm, (const char *)passphrase->data,
		    (int)passphrase->size, algorithm->parameter, context, encrypt) != 1 ||
		EVP_CipherUpdate(context, output.data, &n, data, (int)size) != 1)
		return -EBADMSG;
	if (EVP_CipherFinal_ex(context, output.data + n, &last) != 1)
		return -EACCES;
	output.size = (size_t)(n + last);
	*ret = output;
	output = (Secret){};
	return 0;
}

/* Wrong passphrases mostly end in bad padding; one of 256 ends in bytes that are no key. */
static int decrypt(const Secret *der, const Secret *passphrase, Secret *ret_der)
{
	const unsigned char *at = der->data;
	_cleanup_(X509_SIG_freep) X509_SIG *box = d2i_X509_SIG(NULL, &at, (long)der->size);
	const X509_ALGOR *algorithm;
	const ASN1_OCTET_STRING *bytes;

	if (!box || at != der->data + der->size)
		return -EBADMSG;
	if (!passphrase)
		return -EACCES;
	X509_SIG_get0(box, &algorithm, &bytes);
	return run_cipher(algorithm, passphrase, ASN1_STRING_get0_data(bytes),
		(size_t)ASN1_STRING_length(bytes), false, ret_der);
}

static int take_seed(const Secret *der, Secret *ret_seed)
{
	int r;

	if (der->size != DER_SIZE || memcmp(der->data, der_start, sizeof(der_start)) != 0)
		return -EBADMSG;
	r = secret_new(PKCS8_SEED_SIZE, ret_seed);
	return r < 0 ? r : secret_append(ret_seed, der->data + sizeof(der_start), PKCS8_SEED_SIZE);
}

int pkcs8_read(const Secret *text, const Secret *passphrase, Secret *ret_seed)
{
	_cleanup_secret_ Secret outer = {}, inner = {};
	int r;

	if (!pkcs8_is_encrypted(text)) {
		r = decode_pem(text, PLAIN, &outer);
		return r < 0 ? r : take_seed(&outer, ret_seed);
	}
	r = decode_pem(text, ENCRYPTED, &outer);
	if (r == 0)
		r = decrypt(&outer, passphrase, &inner);
	if (r < 0)
		return r;
	r = take_seed(&inner, ret_seed);
	return r == -EBADMSG && (inner.size == 0 || inner.data[0] != der_start[0]) ? -EACCES : r;
}

static int write_plain(const Secret *der, Secret *ret_text)
{
	_cleanup_secret_ Secret base64 = {};
	int r = secret_new(DER_BASE64_SIZE + 1, &base64);

	if (r == 0)
		r = secret_new(PKCS8_TEXT_MAX, ret_text);
	if (r < 0)
		return r;
	base64.size = (size_t)EVP_EncodeBlock(base64.data, der->data, (int)der->size);
	ret_text->size = (size_t)snprintf((char *)ret_text->data, ret_text->capacity,
		"-----BEGIN " PLAIN "-----\n%s\n-----END " PLAIN "-----\n",
		(const char *)base64.data);
	return 0;
}

/* What is in the box is no secret any more. */
static int write_box(X509_SIG *box, Secret *ret_text)
{
	_cleanup_(BIO_free_allp) BIO *memory = BIO_new(BIO_s_mem());
	char *text;
	long size;
	int r;

	if (!memory || PEM_write_bio_PKCS8(memory, box) != 1)
		return -ENOMEM;
	size = BIO_get_mem_data(memory, &text);
	r = secret_new(PKCS8_TEXT_MAX, ret_text);
	return r < 0 ? r : secret_append(ret_text, text, (size_t)size);
}

static int write_encrypted(const Secret *der, const Secret *passphrase, Secret *ret_text)
{
	_cleanup_(X509_SIG_freep) X509_SIG *box = X509_SIG_new();
	_cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(
		EVP_aes_256_cbc(), NULL, SALT_SIZE, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	_cleanup_secret_ Secret encrypted = {};
	ASN1_OCTET_STRING *bytes;
	X509_ALGOR *place;
	int r;

	if (!box || !algorithm)
		return -ENOMEM;
	r = run_cipher(algorithm, passphrase, der->data, der->size, true, &encrypted);
	if (r < 0)
		return r == -ENOMEM ? r : -EIO;
	X509_SIG_getm(box, &place, &bytes);
	if (X509_ALGOR_copy(place, algorithm) != 1 ||
		ASN1_OCTET_STRING_set(bytes, encrypted.data, (int)encrypted.size) != 1)
		return -ENOMEM;
	return write_box(box, ret_text);
}

int pkcs8_write(const Secret *seed, const Secret *passphrase, Secret *ret_text)
{
	_cleanup_secret_ Secret der = {};
	int r = secret_new(DER_SIZE, &der);

	if (r == 0)
		r = secret_append(&der, der_start, sizeof(der_start));
	if (r == 0)
		r = secret_append(&der, seed->data, seed->size);
	if (r < 0)
		return r;
	return passphrase ? write_encrypted(&der, passphrase, ret_text)
			  : write_plain(&der, ret_text);
}
