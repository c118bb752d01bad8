/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/test-repository.h"

#define ABC_256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_512                                                                                    \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                         \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
#define UPPER_256 "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
#define ZEROS_256 "0000000000000000000000000000000000000000000000000000000000000000"

/* What an entry with these members says of the bytes "abc". */
static int check_abc(const char *members)
{
	_cleanup_free_ char *text = memory_printf("{%s}", members);
	_cleanup_json_ json_t *entry = NULL;
	TrustFile file;
	int r;

	ASSERT_OK(document_parse(text, strlen(text), &entry, NULL));
	r = trust_file_read(entry, "abc.json", &file, &reason);
	return r < 0 ? r : trust_file_check(&file, "abc", 3, "abc.json", &reason);
}

TEST(every_hash_that_is_listed_is_checked)
{
	ASSERT_OK(check_abc("\"hashes\":{\"sha256\":\"" ABC_256 "\"}"));
	ASSERT_OK(check_abc("\"hashes\":{\"sha512\":\"" ABC_512 "\"}"));
	ASSERT_OK(check_abc("\"hashes\":{\"sha256\":\"" ABC_256 "\",\"sha512\":\"" ABC_512 "\"}"));
	ASSERT_ERROR(-EKEYREJECTED, check_abc("\"hashes\":{\"sha256\":\"" ZEROS_256 "\"}"));
	ASSERT(strstr(reason.text, "abc.json is not the bytes that were announced"));
	ASSERT_ERROR(
		-EKEYREJECTED, check_abc("\"hashes\":{\"sha512\":\"" ZEROS_256 ZEROS_256 "\"}"));
	ASSERT_ERROR(-EKEYREJECTED,
		check_abc("\"hashes\":{\"sha256\":\"" ZEROS_256 "\",\"sha512\":\"" ABC_512 "\"}"));
	ASSERT_ERROR(-EKEYREJECTED,
		check_abc("\"hashes\":{\"sha256\":\"" ABC_256 "\",\"sha512\":\"" ZEROS_256 ZEROS_256
			  "\"}"));
}

TEST(an_unknown_hash_counts_only_beside_a_known_one)
{
	ASSERT_OK(check_abc("\"hashes\":{\"sha256\":\"" ABC_256 "\",\"blake2b\":\"00\"}"));
	ASSERT_OK(check_abc("\"hashes\":{\"sha512\":\"" ABC_512 "\",\"md5\":[]}"));
	ASSERT_ERROR(-EBADMSG, check_abc("\"hashes\":{\"md5\":\"00\"}"));
	ASSERT_ERROR(-EBADMSG, check_abc("\"hashes\":{}"));
}

TEST(malformed_entries_are_refused)
{
	static const char *const members[] = {"\"hashes\":null", "\"hashes\":[]", "\"hashes\":1",
		"\"hashes\":{\"sha256\":1}", "\"hashes\":{\"sha256\":\"\"}",
		"\"hashes\":{\"sha256\":\"" ABC_256 "00\"}",
		"\"hashes\":{\"sha256\":\"" ABC_256 "\",\"sha512\":\"00\"}", "\"length\":-1",
		"\"length\":\"3\"", "\"length\":null", "\"length\":3.0",
		"\"hashes\":{\"sha256\":\"" UPPER_256 "\"}"};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		ASSERT_ERROR(-EBADMSG, check_abc(members[i]));
}

TEST(the_length_is_exact)
{
	ASSERT_OK(check_abc("\"length\":3"));
	ASSERT_OK(check_abc("\"version\":1"));
	ASSERT_ERROR(-EKEYREJECTED, check_abc("\"length\":2"));
	ASSERT(strstr(reason.text, "abc.json has 3 bytes, not the announced 2"));
	ASSERT_ERROR(-EKEYREJECTED, check_abc("\"length\":4"));
	ASSERT_ERROR(-EKEYREJECTED, check_abc("\"length\":9223372036854775807"));
}

static json_t *sha512_of(const File *file)
{
	char text[DIGEST512_TEXT_SIZE];
	Digest512 digest;

	ASSERT_OK(digest512_of(file->data, file->size, &digest));
	hex_encode(digest.bytes, sizeof(digest.bytes), text);
	return json_pack("{s:s}", "sha512", text);
}

TEST(metadata_may_be_announced_by_sha512_alone)
{
	json_t *entry;

	begin();
	entry = json_object_get(json_object_get(snapshot, "meta"), "targets.json");
	set(entry, "hashes", sha512_of(get(&served, "1.targets.json")));
	serve_next_snapshot();
	entry = json_object_get(json_object_get(timestamp, "meta"), "snapshot.json");
	set(entry, "hashes", sha512_of(get(&served, "2.snapshot.json")));
	serve_timestamp();
	ASSERT_OK(refresh());
	forget(&kept);
	set(targets, "custom", json_integer(1));
	serve_versioned("targets", targets, KEY_TARGETS);
	refuse(-EKEYREJECTED, "targets metadata is not the bytes that were announced");
	set(entry, "hashes", sha512_of(get(&served, "1.targets.json")));
	serve_timestamp();
	forget(&kept);
	refuse(-EKEYREJECTED, "snapshot metadata is not the bytes that were announced");
}

TEST(a_target_with_sha512_alone_has_it_in_its_name)
{
	_cleanup_free_ char *name = NULL, *other = NULL;
	TrustFile file;

	begin();
	set(json_object_get(targets, "targets"), "dir/x",
		json_pack("{s:i, s:{s:s}}", "length", 3, "hashes", "sha512", ABC_512));
	set(json_object_get(targets, "targets"), "dir/y",
		json_pack("{s:i, s:{s:s, s:s}}", "length", 3, "hashes", "sha512", ABC_512, "sha256",
			ABC_256));
	serve_all();
	ASSERT_OK(refresh());
	ASSERT_OK(trust_find(trust, &repository, "dir/x", &file, &reason));
	name = trust_target_name(trust, "dir/x", &file);
	ASSERT_STREQ(name, "dir/" ABC_512 ".x");
	ASSERT_OK(trust_file_check(&file, "abc", 3, "dir/x", &reason));
	ASSERT_ERROR(-EKEYREJECTED, trust_file_check(&file, "abd", 3, "dir/x", &reason));
	ASSERT_OK(trust_find(trust, &repository, "dir/y", &file, &reason));
	other = trust_target_name(trust, "dir/y", &file);
	ASSERT_STREQ(other, "dir/" ABC_256 ".y");
}
