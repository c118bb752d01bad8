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

/* Expected values, over the same bytes: the root by `veritysetup format --no-superblock --salt
 * 5a…00…` and by `fsverity digest --salt 5a…`, which agree; the SHA-256 of the tree that both
 * wrote; and the digest that fsverity prints. */
static const struct {
	size_t blocks;
	const char *root, *tree, *file;
} trees[] = {
	{1, "5e9b43d355bf38cdea904397de124e0f59794af555e92d882552af12b8cab6d9",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"28956481bc0c29438ada7978939943fb5fedaa3734dc66798c3906fa87642a9f"},
	{2, "17f10ecabcc9e5377ace16cc9f5151dbcfc18880ea1f71a0fbd502bd6dc3ef9e",
		"8b24f79adc3bf2a8a0ebf509418a6b66213303dc295e4b2eb4d43ce3c0f43ee3",
		"4241347e301faff52065be164d74df02e44bcb43fe12b6fd93f905c40824777b"},
	{128, "74f83622155dbc12b1a081691e395a1acd51eec01a29e89eae949e6fdc57984f",
		"cc2f447c60cd16390894cae3eaece9bb9cd67c9b44302f9cbbdace4f9299aae6",
		"180aa1ad3af5078b817619c9852664e4b7c40b419c8bf1545eec7051dfcbb640"},
	{129, "5de27ecb205573548c24c9b89428799f98253617616d112b070006c93d74b2d7",
		"c6622ae327193ab1072babf8f87c860aa7154dd619daf9bd51bbdf30ec4ee316",
		"2f46928b5dc07aa87123178d5667e611cff2afbeb30f4b08cf4508bb7475792d"},
	{16385, "eb43f8b64006c2b140b2b13b5f61ac27c6ae67f979c4c5bc8c722f7d45f5de73",
		"d8da9eefecc32fdedc1b2257734c874c3f624ed752041b19dbb42cb17d90ceb3",
		"ac961126ef42f12fdf36b0a9b6ee3c04f572fb0b92e2bd6fb52610c25cca0d07"},
};

static void assert_digest(const Digest *digest, const char *expected)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	ASSERT_STREQ(text, expected);
}

TEST(verity_trees_are_those_of_dm_verity_and_of_fs_verity)
{
	uint8_t block[VERITY_BLOCK_SIZE], salt[VERITY_SALT_SIZE];

	memset(salt, 0x5a, sizeof(salt));
	for (size_t n = 0; n < ARRAY_SIZE(trees); n++) {
		_cleanup_fd_ int fd = memfd_create("data", MFD_CLOEXEC);
		_cleanup_fd_ int tree = memfd_create("tree", MFD_CLOEXEC);
		Digest root, again, digest;

		for (size_t i = 0; i < trees[n].blocks; i++) {
			memset(block, (int)(i * 7 & 255), sizeof(block));
			ASSERT_OK(fd_write_full(fd, block, sizeof(block)));
		}
		ASSERT_OK(verity_tree(fd, salt, tree, &root));
		assert_digest(&root, trees[n].root);
		ASSERT_OK(verity_root(fd, salt, &again));
		ASSERT(digest_equal(&root, &again));
		ASSERT_OK(digest_of_fd(tree, &digest, NULL));
		assert_digest(&digest, trees[n].tree);
		ASSERT_OK(verity_file_digest(
			&root, salt, trees[n].blocks * VERITY_BLOCK_SIZE, &digest));
		assert_digest(&digest, trees[n].file);
	}
}

TEST(verity_wants_whole_blocks)
{
	_cleanup_fd_ int empty = fd_of_data("empty", "", 0), odd = fd_of_data("odd", "abc", 3);
	uint8_t salt[VERITY_SALT_SIZE] = {};
	Digest root;

	ASSERT_ERROR(-EINVAL, verity_root(empty, salt, &root));
	ASSERT_ERROR(-EINVAL, verity_root(odd, salt, &root));
}
