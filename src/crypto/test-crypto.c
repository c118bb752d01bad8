/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/digest512.h"
#include "crypto/ed25519.h"
#include "crypto/verity.h"
#include "test.h"

TEST(sha256_of_fips_180_4)
{
	Digest digest, again;
	char text[DIGEST_TEXT_SIZE];
	_cleanup_fd_ int fd = fd_of_data("abc", "abc", 3);
	uint64_t size;

	ASSERT_OK(digest_of("abc", 3, &digest));
	digest_to_text(&digest, text);
	ASSERT_STREQ(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ASSERT_OK(digest_of_fd(fd, &again, &size));
	ASSERT(digest_equal(&digest, &again));
	ASSERT_EQ(size, 3);
	ASSERT_OK(digest_from_text(text, &again));
	ASSERT(digest_equal(&digest, &again));
	ASSERT_ERROR(-EBADMSG, digest_from_text("ba78", &again));
}

TEST(sha512_of_fips_180_4)
{
	char text[DIGEST512_TEXT_SIZE];
	Digest512 digest;

	ASSERT_OK(digest512_of("abc", 3, &digest));
	hex_encode(digest.bytes, sizeof(digest.bytes), text);
	ASSERT_STREQ(text,
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

/* RFC 8032, section 7.1, test 3 */
TEST(ed25519_of_rfc_8032)
{
	static const uint8_t message[] = {0xaf, 0x82};
	uint8_t key[ED25519_KEY_SIZE], signature[ED25519_SIGNATURE_SIZE];

	ASSERT_OK(hex_decode("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
		key, sizeof(key)));
	ASSERT_OK(hex_decode("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
			     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
		signature, sizeof(signature)));
	ASSERT_OK(ed25519_verify(key, signature, message, sizeof(message)));
	ASSERT_ERROR(-EKEYREJECTED, ed25519_verify(key, signature, message, 1));
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit += 7) {
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ASSERT_ERROR(-EKEYREJECTED, ed25519_verify(key, signature, message, 2));
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void check_root(size_t blocks, const char *expected)
{
	_cleanup_fd_ int fd = memfd_create("data", MFD_CLOEXEC);
	uint8_t block[VERITY_BLOCK_SIZE], salt[VERITY_SALT_SIZE];
	char text[DIGEST_TEXT_SIZE];
	Digest root;

	memset(salt, 0x5a, sizeof(salt));
	for (size_t i = 0; i < blocks; i++) {
		memset(block, (int)(i * 7 & 255), sizeof(block));
		ASSERT_OK(fd_write_full(fd, block, sizeof(block)));
	}
	ASSERT_OK(verity_root(fd, salt, &root));
	digest_to_text(&root, text);
	ASSERT_STREQ(text, expected);
}

/* Expected values: `veritysetup format --salt 5a…` over the same bytes. */
TEST(verity_roots_are_those_of_veritysetup)
{
	check_root(1, "a9a03b28564e4724d7ffc0b83acdb9e9f726e3edb9ceec32e5d47b798ee15389");
	check_root(2, "27d9043bd99049b957e8ba025cfdeb6f2cd40b6b8d568e5dcb24921fd1f74d03");
	check_root(128, "2dc267fe8d28a1ab9a0a15de1984210fbe47ccbdfdc142c60f45992b66f60bec");
	check_root(129, "1dd28cbe19a90a65526a2dcf5ac1b739a53b2ccded42455bad59dcf18c9cd99a");
	check_root(16385, "1c8fb3230f03649d24c4673b68cc2e435228140399e63c49ada28dd19529012e");
}

TEST(verity_wants_whole_blocks)
{
	_cleanup_fd_ int empty = fd_of_data("empty", "", 0), odd = fd_of_data("odd", "abc", 3);
	uint8_t salt[VERITY_SALT_SIZE] = {};
	Digest root;

	ASSERT_ERROR(-EINVAL, verity_root(empty, salt, &root));
	ASSERT_ERROR(-EINVAL, verity_root(odd, salt, &root));
}
