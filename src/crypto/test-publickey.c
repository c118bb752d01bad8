/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/hex.h"
#include "crypto/publickey.h"
#include "test.h"

#define VECTORS TEST_SOURCE_ROOT "/tests/vectors/publickey/"
#define ED25519 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"

/* RFC 8032, section 7.1, test 3: over af82 */
#define ED25519_SIGNATURE                                                                          \
	"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"                         \
	"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"

/* The caller frees. */
static char *vector(const char *name)
{
	_cleanup_free_ char *path = memory_printf(VECTORS "%s", name);
	uint8_t *data;
	size_t size;

	ASSERT_OK(file_read(AT_FDCWD, path, 1 << 16, &data, &size));
	return (char *)data;
}

static int read_file(const char *type, const char *scheme, const char *name, PublicKey **ret_key)
{
	_cleanup_free_ char *text = vector(name);

	return public_key_new(type, scheme, text, ret_key);
}

static int read_p256(const char *text, PublicKey **ret_key)
{
	return public_key_new("ecdsa", "ecdsa-sha2-nistp256", text, ret_key);
}

static int read_rsa(const char *name, PublicKey **ret_key)
{
	return read_file("rsa", "rsassa-pss-sha256", name, ret_key);
}

static int verify(const PublicKey *key, const char *signature, const char *message, size_t size)
{
	uint8_t bytes[PUBLIC_KEY_SIGNATURE_MAX];
	size_t n = strlen(signature) / 2;

	ASSERT_OK(hex_decode(signature, bytes, n));
	return public_key_verify(key, bytes, n, message, size);
}

/* Good over the message, and over nothing that differs by a bit. */
static void check_signature(
	const PublicKey *key, const char *signature, const char *message, size_t size)
{
	_cleanup_free_ char *copy = memory_string(signature);

	ASSERT_OK(verify(key, signature, message, size));
	ASSERT_ERROR(-EKEYREJECTED, verify(key, signature, message, size - 1));
	ASSERT_ERROR(-EKEYREJECTED, verify(key, "00", message, size));
	for (size_t i = 0; i < strlen(copy); i += 5) {
		char was = copy[i];

		copy[i] = was == '0' ? '1' : '0';
		ASSERT_ERROR(-EKEYREJECTED, verify(key, copy, message, size));
		copy[i] = was;
	}
}

TEST(ed25519_keys_are_hexadecimal)
{
	_cleanup_(public_key_freep) PublicKey *key = NULL, *other = NULL;

	ASSERT_OK(public_key_new("ed25519", "ed25519", ED25519, &key));
	check_signature(key, ED25519_SIGNATURE, "\xaf\x82", 2);
	ASSERT_ERROR(-EBADMSG, public_key_new("ed25519", "ed25519", ED25519 "00", &other));
	ASSERT_ERROR(-EBADMSG, public_key_new("ed25519", "ed25519", "", &other));
	ASSERT(!other);
}

TEST(p256_keys_are_pem_under_both_names_of_their_type)
{
	static const char *const types[] = {"ecdsa", "ecdsa-sha2-nistp256"};
	_cleanup_free_ char *signature = vector("p256.sig");

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		_cleanup_(public_key_freep) PublicKey *key = NULL;

		ASSERT_OK(read_file(types[i], "ecdsa-sha2-nistp256", "p256.pem", &key));
		check_signature(key, signature, "abc", 3);
	}
}

TEST(rsa_signatures_have_any_length_of_salt)
{
	static const char *const names[] = {
		"rsa2048-salt-0.sig", "rsa2048-salt-32.sig", "rsa2048-salt-max.sig"};
	_cleanup_free_ char *old = vector("bad-rsa2048-pkcs1.sig");
	_cleanup_(public_key_freep) PublicKey *key = NULL;

	ASSERT_OK(read_rsa("rsa2048.pem", &key));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *signature = vector(names[i]);

		check_signature(key, signature, "abc", 3);
	}
	ASSERT_ERROR(-EKEYREJECTED, verify(key, old, "abc", 3));
}

TEST(keys_of_other_kinds_and_sizes_are_refused)
{
	_cleanup_(public_key_freep) PublicKey *key = NULL;
	_cleanup_free_ char *rsa = vector("rsa2048.pem"), *p256 = vector("p256.pem");

	ASSERT_ERROR(-EBADMSG, read_rsa("bad-rsa1024.pem", &key));
	ASSERT_ERROR(-EBADMSG, read_rsa("bad-rsa-pss-only.pem", &key));
	ASSERT_ERROR(-EBADMSG, read_rsa("p256.pem", &key));
	ASSERT_ERROR(-EBADMSG, read_p256(rsa, &key));
	ASSERT_ERROR(-EBADMSG, read_p256(ED25519, &key));
	ASSERT_ERROR(-EBADMSG, read_file("ecdsa", "ecdsa-sha2-nistp256", "bad-p384.pem", &key));
	ASSERT_ERROR(-EOPNOTSUPP, public_key_new("ecdsa", "ecdsa-sha2-nistp384", p256, &key));
	ASSERT_ERROR(-EOPNOTSUPP, public_key_new("rsa", "ed25519", rsa, &key));
	ASSERT_ERROR(-EOPNOTSUPP, public_key_new("lattice", "lattice", "", &key));
}

/* CVE-2020-0601 (crypt32): with a generator of one's own any point is one's own public key */
TEST(a_curve_is_named_and_not_described)
{
	_cleanup_(public_key_freep) PublicKey *key = NULL;

	ASSERT_ERROR(-EBADMSG,
		read_file("ecdsa", "ecdsa-sha2-nistp256", "bad-explicit-curve.pem", &key));
}

TEST(spellings_of_one_key_are_one_key)
{
	_cleanup_free_ char *pem = vector("p256.pem");
	_cleanup_free_ char *spaced = memory_printf("\r\n  %s\n\n\t", pem);
	_cleanup_(public_key_freep) PublicKey *plain = NULL, *compressed = NULL, *blanks = NULL,
					      *rsa = NULL, *ed25519 = NULL;

	for (char *at = spaced; (at = strchr(at, '\n')); at++)
		*at = '\r'; /* the ends of the lines are as good as any */
	ASSERT_OK(read_p256(pem, &plain));
	ASSERT_OK(read_file("ecdsa", "ecdsa-sha2-nistp256", "p256-compressed.pem", &compressed));
	ASSERT_OK(read_p256(spaced, &blanks));
	ASSERT_OK(read_rsa("rsa2048.pem", &rsa));
	ASSERT_OK(public_key_new("ed25519", "ed25519", ED25519, &ed25519));
	ASSERT(public_key_equal(plain, compressed) && public_key_equal(plain, blanks));
	ASSERT(public_key_equal(rsa, rsa) && public_key_equal(ed25519, ed25519));
	ASSERT(!public_key_equal(plain, rsa) && !public_key_equal(rsa, ed25519));
}

static void refuse_edit(const char *pem, const char *old, const char *new)
{
	const char *at = strstr(pem, old);
	_cleanup_free_ char *text =
		memory_printf("%.*s%s%s", (int)(at - pem), pem, new, at + strlen(old));
	PublicKey *key = NULL;

	ASSERT_ERROR(-EBADMSG, read_p256(text, &key));
	ASSERT(!key);
}

TEST(pem_is_one_public_key_and_nothing_else)
{
	_cleanup_free_ char *pem = vector("p256.pem"), *huge = memory_new(1 << 20);

	refuse_edit(pem, "-----BEGIN", "x-----BEGIN");
	refuse_edit(pem, "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n");
	refuse_edit(pem, "BEGIN PUBLIC", "BEGIN PRIVATE");
	refuse_edit(pem, "BEGIN PUBLIC KEY", "BEGIN CERTIFICATE");
	refuse_edit(pem, "END PUBLIC", "END PRIVATE");
	refuse_edit(pem, "-----END", "----END");
	refuse_edit(pem, "cVCA==\n-----END PUBLIC KEY-----\n",
		"cVCA==\n-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\n");
	refuse_edit(pem, "cVCA==", "cVCA=");
	refuse_edit(pem, "cVCA==", "cVCA");
	refuse_edit(pem, "cVCA==", "cV==CA");
	refuse_edit(pem, "cVCA==", "cVCAAA==AAAA");
	refuse_edit(pem, "cVCA==", "cVCAAAAA"); /* bytes behind the key */
	refuse_edit(pem, "MFkw", "MFk_");
	refuse_edit(pem, "MFkw", "");
	memset(huge, 'A', (1 << 20) - 1);
	memcpy(huge, pem, 30);
	refuse_edit(huge, "BEGIN", "BEGIN");
	memset(huge, ' ', 500000); /* blanks are no key either */
	refuse_edit(huge, " ", " ");
}

static int read_and_free(const char *text)
{
	_cleanup_(public_key_freep) PublicKey *key = NULL;

	return read_p256(text, &key);
}

TEST(keys_survive_failing_allocations)
{
	_cleanup_free_ char *pem = vector("p256.pem");

	TEST_EACH_ALLOCATION(read_and_free(pem), (void)0);
}
