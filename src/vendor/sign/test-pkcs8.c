/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "test.h"
#include "vendor/sign/pkcs8.h"

/* The example of RFC 8410, section 10.3. */
static const char plain[] = "-----BEGIN PRIVATE KEY-----\n"
			    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
			    "-----END PRIVATE KEY-----\n";
static const unsigned char seed_bytes[PKCS8_SEED_SIZE] = {0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58,
	0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad, 0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1,
	0xd4, 0xfb, 0xe0, 0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42};

/* The same key by `openssl pkcs8 -topk8 -iter 1` under "right": guesses cost nothing. */
static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
				"MIGaMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAgWO2Nf+GlfAQIBATAM\n"
				"BggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQrcKv9ULZwEtyuLuyWxr8jARAUvdW\n"
				"vnnklyHkqtGWAH04NAkOYEazrncXl0VuOzYE22rBCSyzMRkNhWcwRV2RQnMmD6yT\n"
				"j7dUD/i7lVxujk9G3A==\n"
				"-----END ENCRYPTED PRIVATE KEY-----\n";

static void set(Secret *secret, const void *data, size_t size)
{
	secret_done(secret);
	ASSERT_OK(secret_new(PKCS8_TEXT_MAX, secret));
	ASSERT_OK(secret_append(secret, data, size));
}

static int read_text(const void *data, size_t size, const char *passphrase, Secret *ret_seed)
{
	_cleanup_secret_ Secret text = {}, word = {};

	secret_done(ret_seed);
	set(&text, data, size);
	if (passphrase)
		set(&word, passphrase, strlen(passphrase));
	return pkcs8_read(&text, passphrase ? &word : NULL, ret_seed);
}

TEST(keys_of_others_are_read_and_written_as_they_were)
{
	_cleanup_secret_ Secret seed = {}, text = {};

	ASSERT_OK(read_text(plain, strlen(plain), NULL, &seed));
	ASSERT_EQ(seed.size, PKCS8_SEED_SIZE);
	ASSERT_MEMEQ(seed.data, seed_bytes, PKCS8_SEED_SIZE);
	ASSERT_OK(pkcs8_write(&seed, NULL, &text));
	ASSERT_EQ(text.size, strlen(plain));
	ASSERT_MEMEQ(text.data, plain, text.size);
	ASSERT(!pkcs8_is_encrypted(&text));
	ASSERT_OK(read_text(encrypted, strlen(encrypted), "right", &seed));
	ASSERT_MEMEQ(seed.data, seed_bytes, PKCS8_SEED_SIZE);
}

TEST(what_is_written_under_a_passphrase_opens_with_it_alone)
{
	_cleanup_secret_ Secret seed = {}, again = {}, word = {}, text = {};

	set(&seed, seed_bytes, PKCS8_SEED_SIZE);
	set(&word, "a\xffz", 3);
	ASSERT_OK(pkcs8_write(&seed, &word, &text));
	ASSERT(pkcs8_is_encrypted(&text));
	ASSERT_OK(pkcs8_read(&text, &word, &again));
	ASSERT(secret_equal(&seed, &again));
	ASSERT_ERROR(-EACCES, pkcs8_read(&text, NULL, &again));
}

/* Of 256 wrong passphrases one ends in good padding: it must not give a key, nor be called damage.
 */
TEST(wrong_passphrases_give_no_key)
{
	_cleanup_secret_ Secret seed = {};

	for (int i = 0; i < 2000; i++) {
		char word[16];

		snprintf(word, sizeof(word), "wrong %d", i);
		ASSERT_ERROR(-EACCES, read_text(encrypted, strlen(encrypted), word, &seed));
		ASSERT(!seed.data);
	}
}

TEST(texts_that_are_cut_or_go_on_are_refused)
{
	_cleanup_secret_ Secret seed = {};
	char longer[sizeof(encrypted) + 1];

	for (size_t size = 0; size < strlen(plain) - 1; size++)
		ASSERT_ERROR(-EBADMSG, read_text(plain, size, NULL, &seed));
	for (size_t size = 0; size < strlen(encrypted) - 1; size++)
		ASSERT_ERROR(-EBADMSG, read_text(encrypted, size, "right", &seed));
	snprintf(longer, sizeof(longer), "%s\n", plain);
	ASSERT_ERROR(-EBADMSG, read_text(longer, strlen(longer), NULL, &seed));
	snprintf(longer, sizeof(longer), "\n%s", encrypted);
	ASSERT_ERROR(-EBADMSG, read_text(longer, strlen(longer), "right", &seed));
}

TEST(changed_texts_give_an_error_or_another_key)
{
	_cleanup_secret_ Secret seed = {};
	char text[sizeof(encrypted)];

	for (size_t i = 0; i < strlen(plain); i++)
		for (int bit = 0; bit < 8; bit++) {
			int r;

			memcpy(text, plain, sizeof(plain));
			text[i] ^= (char)(1 << bit);
			r = read_text(text, strlen(plain), NULL, &seed);
			ASSERT(r == -EBADMSG || (r == 0 && memcmp(seed.data, seed_bytes, 32) != 0));
		}
	for (size_t i = 0; i < strlen(encrypted); i++) {
		int r;

		memcpy(text, encrypted, sizeof(encrypted));
		text[i] ^= 1;
		r = read_text(text, strlen(encrypted), "right", &seed);
		ASSERT(r == -EBADMSG || r == -EACCES || r == 0);
	}
}

TEST(secrets_have_a_bound)
{
	_cleanup_secret_ Secret secret = {}, other = {};

	ASSERT_OK(secret_new(4, &secret));
	ASSERT_OK(secret_append(&secret, "abc", 3));
	ASSERT_ERROR(-EMSGSIZE, secret_append(&secret, "de", 2));
	ASSERT_EQ(secret.size, 3);
	set(&other, "abc", 3);
	ASSERT(secret_equal(&secret, &other));
	set(&other, "abd", 3);
	ASSERT(!secret_equal(&secret, &other));
	set(&other, "abcd", 4);
	ASSERT(!secret_equal(&secret, &other));
}

/* The heap stays where it is, so what was freed can be looked at; its own links are at the start.
 */
TEST(secrets_are_wiped)
{
	static const unsigned char nothing[64];
	Secret secret = {};
	unsigned char *place;

	ASSERT(secret_start() >= 0);
	ASSERT_OK(secret_new(128, &secret));
	place = secret.data;
	memset(place, 0x5a, 128);
	secret_done(&secret);
	ASSERT(!secret.data);
	ASSERT_MEMEQ(place + 64, nothing, 64);
	ASSERT_ERROR(-ENOMEM, secret_new(1 << 20, &secret));
}
