/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/hex.h"
#include "test.h"
#include "wire/seal/policy.h"
#include "wire/seal/seal.h"

#define VECTORS TEST_SOURCE_ROOT "/tests/vectors/seal/"

static const struct {
	const char *file;
	int error;
	const char *reason; /* a part of it */
} vectors[] = {
	{"good-minimal", 0, ""},
	{"good-image-version", 0, ""},
	{"good-sixteen-directories", 0, ""},
	{"bad-empty", -EBADMSG, "suture-seal 1"},
	{"bad-version-from-the-future", -EBADMSG, "suture-seal 1"},
	{"bad-order", -EBADMSG, "'base' is expected"},
	{"bad-no-last-newline", -EBADMSG, "'directory' is expected"},
	{"bad-carriage-return", -EBADMSG, "suture-seal 1"},
	{"bad-nul", -EBADMSG, "NUL"},
	{"bad-too-long", -EBADMSG, "more than 1024"},
	{"bad-upper-case-product", -EBADMSG, "line 2"},
	{"bad-sequence-zero", -EBADMSG, "line 4"},
	{"bad-sequence-leading-zero", -EBADMSG, "line 4"},
	{"bad-sequence-too-large", -EBADMSG, "line 4"},
	{"bad-part-above-whole", -EBADMSG, "line 6"},
	{"bad-part-zero", -EBADMSG, "line 6"},
	{"bad-part-without-whole", -EBADMSG, "line 6"},
	{"bad-digest-upper-case", -EBADMSG, "line 7"},
	{"bad-digest-short", -EBADMSG, "line 7"},
	{"bad-size-zero", -EBADMSG, "line 8"},
	{"bad-verity-without-salt", -EBADMSG, "line 9"},
	{"bad-no-directory", -EBADMSG, "'directory' is expected"},
	{"bad-directory-root-relative", -EBADMSG, "no plain path"},
	{"bad-directory-dot-dot", -EBADMSG, "no plain path"},
	{"bad-directory-usr", -EBADMSG, "only directories below"},
	{"bad-directory-usr-lib", -EBADMSG, "it holds usr/lib/suture"},
	{"bad-directory-modules", -EBADMSG, "too wide"},
	{"bad-directory-etc", -EBADMSG, "only directories below"},
	{"bad-directory-own", -EBADMSG, "it holds"},
	{"bad-directories-nested", -EBADMSG, "lie in each other"},
	{"bad-directories-unsorted", -EBADMSG, "not in order"},
	{"bad-directories-seventeen", -EBADMSG, "too many"},
	{"bad-leftover", -EBADMSG, "nothing is expected"},
};

static void check_vector(size_t i)
{
	_cleanup_free_ char *path = memory_printf(VECTORS "%s", vectors[i].file);
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_buffer_ Buffer again = {};
	Reason reason = {};
	size_t size;
	Seal seal;

	ASSERT_OK(file_read(AT_FDCWD, path, 65536, &text, &size));
	if (seal_parse(text, size, &seal, &reason) != vectors[i].error ||
		!strstr(reason.text, vectors[i].reason))
		test_fail(vectors[i].file, 0, "'%s'", reason.text);
	if (vectors[i].error < 0)
		return;
	ASSERT_OK(seal_write(&seal, &again, &reason));
	ASSERT_EQ(again.size, size);
	ASSERT_MEMEQ(again.data, text, size);
}

TEST(seals_are_read_strictly)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		check_vector(i);
}

static const uint8_t *good_text(size_t *ret_size)
{
	static uint8_t *text;

	free(text);
	text = NULL;
	ASSERT_OK(file_read(AT_FDCWD, VECTORS "good-minimal", 65536, &text, ret_size));
	return text;
}

TEST(every_cut_and_every_changed_byte_is_handled)
{
	size_t size;
	uint8_t *text = (uint8_t *)good_text(&size);
	Seal seal;

	for (size_t n = 0; n < size; n++)
		ASSERT_ERROR(-EBADMSG, seal_parse(text, n, &seal, NULL));
	for (size_t n = 0; n < size; n++)
		for (int bit = 0; bit < 8; bit++) {
			text[n] ^= (uint8_t)(1 << bit);
			seal_parse(text, size, &seal, NULL);
			text[n] ^= (uint8_t)(1 << bit);
		}
}

TEST(seals_do_not_depend_on_memory_to_be_written_whole)
{
	size_t size;
	const uint8_t *text = good_text(&size);
	_cleanup_buffer_ Buffer buffer = {};
	Seal seal;

	ASSERT_OK(seal_parse(text, size, &seal, NULL));
	TEST_EACH_ALLOCATION((buffer_done(&buffer), seal_write(&seal, &buffer, NULL)), (void)0);
	ASSERT_EQ(buffer.size, size);
}

/* Made with `openssl pkeyutl -sign -rawin` over good-minimal; the key is that of the seed 11…11. */
static const char key_text[] = "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737";
static const char signature_text[] =
	"41ac7fca09f28d92ce40a2fa7068180d5e9810f7de3bd70b4efb051199c173b1"
	"4cf3d79a8d6d6b964b7cb37cf1b2d48b0d63e1d3c26dfb0e736d7a0164bec501";

TEST(signatures_are_checked_over_the_exact_text)
{
	uint8_t key[ED25519_KEY_SIZE], signature[ED25519_SIGNATURE_SIZE];
	size_t size;
	uint8_t *text = (uint8_t *)good_text(&size);

	ASSERT_OK(hex_decode(key_text, key, sizeof(key)));
	ASSERT_OK(hex_decode(signature_text, signature, sizeof(signature)));
	ASSERT_OK(seal_verify(text, size, signature, key));
	ASSERT_ERROR(-EKEYREJECTED, seal_verify(text, size - 1, signature, key));
	text[size / 2] ^= 1;
	ASSERT_ERROR(-EKEYREJECTED, seal_verify(text, size, signature, key));
}

static int parse_policy(const char *text, SealPolicy *policy)
{
	return seal_policy_parse(text, strlen(text), policy, NULL);
}

TEST(policies_do_not_contradict_themselves)
{
	_cleanup_free_ char *with_key = memory_printf("# ours\nkey %s\n", key_text);
	_cleanup_free_ char *both = memory_printf("seal digest-only\nkey %s\n", key_text);
	_cleanup_free_ char *no_end = memory_printf("key %s", key_text);
	SealPolicy policy = {};

	ASSERT_OK(parse_policy("", &policy));
	ASSERT(!policy.required);
	ASSERT_OK(parse_policy("seal digest-only\n", &policy));
	ASSERT(!policy.required);
	ASSERT_OK(parse_policy("seal required\n", &policy));
	ASSERT(policy.required && policy.key_count == 0);
	ASSERT_OK(parse_policy(with_key, &policy));
	ASSERT(policy.required && policy.key_count == 1);
	ASSERT_ERROR(-EBADMSG, parse_policy(both, &policy));
	ASSERT_ERROR(-EBADMSG, parse_policy(no_end, &policy));
	ASSERT_ERROR(-EBADMSG, parse_policy("seal maybe\n", &policy));
	ASSERT_ERROR(-EBADMSG, parse_policy("seal required\nseal required\n", &policy));
	ASSERT_ERROR(-EBADMSG, parse_policy("key 00\n", &policy));
	ASSERT_ERROR(-EBADMSG, parse_policy("trust everybody\n", &policy));
	ASSERT_ERROR(-EBADMSG, parse_policy("verity wanted\n", &policy));
	ASSERT_ERROR(-EBADMSG, parse_policy("verity required\nverity required\n", &policy));
	ASSERT_OK(parse_policy("verity required\n", &policy));
	ASSERT(policy.verity_required && !policy.required);
	TEST_EACH_ALLOCATION(parse_policy(with_key, &policy), (void)0);
}

TEST(a_required_seal_needs_one_of_the_keys)
{
	_cleanup_free_ char *text = memory_printf("key %064d\nkey %s\n", 1, key_text);
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	SealPolicy policy, none = {.required = true}, open = {};
	size_t size;
	const uint8_t *seal = good_text(&size);

	ASSERT_OK(hex_decode(signature_text, signature, sizeof(signature)));
	ASSERT_OK(parse_policy(text, &policy));
	ASSERT_OK(seal_policy_verify(&policy, seal, size, signature));
	ASSERT_ERROR(-EKEYREJECTED, seal_policy_verify(&none, seal, size, signature));
	signature[0] ^= 1;
	ASSERT_ERROR(-EKEYREJECTED, seal_policy_verify(&policy, seal, size, signature));
	ASSERT_OK(seal_policy_verify(&open, seal, size, signature));
}

TEST(files_of_our_own_are_not_grafted)
{
	static const char *const refused[] = {"usr/bin/suture", "usr/lib/os-release",
		"usr/lib/suture/seal.conf", "usr/libexec/suture/suture-activate",
		"usr/lib/systemd/system/sutured.service", "usr/../etc/passwd", "/usr/bin/x"};

	ASSERT_OK(graft_file_check("usr/lib/x86_64-linux-gnu/libssl.so.3", NULL));
	ASSERT_OK(graft_directory_check("usr/sbin", NULL));
	ASSERT_OK(graft_directory_check("opt/vendor", NULL));
	ASSERT_ERROR(-EINVAL, graft_directory_check("usr/local/lib", NULL));
	ASSERT_ERROR(-EINVAL, graft_directory_check("usr/libexec", NULL));
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ASSERT_ERROR(-EINVAL, graft_file_check(refused[i], NULL));
}
