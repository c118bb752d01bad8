/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes that others made before us have their number beside them. */
#include "wire/trust/test-repository.h"

static json_t *meta_of(const char *name, int length_more, bool right_hash)
{
	const File *file = get(&served, name);
	char text[DIGEST_TEXT_SIZE];
	Digest digest;

	ASSERT_OK(digest_of(file->data, file->size, &digest));
	digest.bytes[0] ^= !right_hash;
	digest_to_text(&digest, text);
	return json_pack("{s:i, s:I, s:{s:s}}", "version", 1, "length",
		(json_int_t)file->size + length_more, "hashes", "sha256", text);
}

/* -- the good case -- */

TEST(a_fresh_client_asks_for_four_files)
{
	begin();
	check_length("dir/file", 4);
	ASSERT_STREQ(requests, "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
	ASSERT_EQ(trust_root_version(trust), 1);
	ASSERT_EQ(trust_timestamp_expires(trust), 1798761600);
	refuse_find(-ENOENT, "dir/other", "dir/other is not in the repository");
}

TEST(what_is_kept_and_announced_is_not_fetched_again)
{
	begin();
	ASSERT_OK(refresh());
	ASSERT_OK(refresh());
	ASSERT_STREQ(requests, "2.root.json timestamp.json ");
	ASSERT(get(&kept, "timestamp.json") && get(&kept, "snapshot.json") &&
		get(&kept, "targets.json"));
}

TEST(each_file_is_asked_for_within_its_limit)
{
	begin();
	ASSERT_OK(refresh());
	ASSERT_EQ(asked_max, TRUST_TARGETS_SIZE_MAX);
	set(json_object_get(snapshot, "meta"), "targets.json",
		json_pack("{s:i, s:I}", "version", 1, "length",
			(json_int_t)get(&served, "1.targets.json")->size));
	forget(&kept);
	serve_next_snapshot();
	ASSERT_OK(refresh());
	ASSERT_EQ(asked_max, get(&served, "1.targets.json")->size);
}

TEST(a_file_that_is_announced_above_its_limit_is_not_asked_for)
{
	static const char *const members[] = {"snapshot.json", "targets.json"};
	static const json_int_t limits[] = {TRUST_SNAPSHOT_SIZE_MAX, TRUST_TARGETS_SIZE_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		begin();
		set(json_object_get(i == 0 ? timestamp : snapshot, "meta"), members[i],
			json_pack("{s:i, s:I}", "version", 1, "length", limits[i] + 1));
		serve_all();
		refuse(-EBADMSG, "more than the");
		ASSERT(!strstr(requests, i == 0 ? "1.snapshot.json" : "1.targets.json"));
	}
}

TEST(unknown_members_are_signed_with_the_rest)
{
	begin();
	set(targets, "custom", json_pack("{s:[i, n, b], s:s}", "a", 1, 1, "\xc3\xa4", "\"\\\n"));
	set(json_object_get(targets, "targets"), "dir/second",
		json_pack("{s:i, s:{s:s}, s:{s:s}}", "length", 9, "hashes", "sha256",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			"custom", "note", "x"));
	serve_all();
	check_length("dir/second", 9);
	set(targets, "custom", json_integer(2));
	serve("1.targets.json",
		json_pack("{s:o, s:O}", "signatures", json_array(), "signed", targets));
	forget(&kept);
	refuse(-EKEYREJECTED, "targets: signed by 0 of the 1 keys");
}

/* -- kept copies and rollback -- */

TEST(kept_copies_under_old_keys_are_ignored)
{
	begin();
	set_version(timestamp, 9);
	serve_timestamp();
	ASSERT_OK(refresh());
	/* the keys were stolen: new ones, and the repository counts from 1 again */
	set_version(root, 2);
	set_role("timestamp", role_of(1, KEY_A, -1));
	set_role("snapshot", role_of(1, KEY_B, -1));
	serve_root();
	set_version(timestamp, 1);
	serve("timestamp.json", sign(timestamp, KEY_A, -1));
	serve("1.snapshot.json", sign(snapshot, KEY_B, -1));
	ASSERT_OK(refresh());
	ASSERT(strstr(requests, "1.snapshot.json"));
	serve_timestamp(); /* by the stolen key */
	refuse(-EKEYREJECTED, "timestamp");
}

TEST(a_new_root_in_the_same_client_forgets_what_old_keys_signed)
{
	_cleanup_json_ json_t *envelope = NULL;
	_cleanup_buffer_ Buffer bytes = {};

	begin();
	ASSERT_OK(refresh());
	set_version(root, 2);
	set_role("timestamp", role_of(1, KEY_A, -1));
	envelope = sign(root, 0, 1, -1);
	ASSERT_OK(document_write(envelope, &bytes));
	ASSERT_OK(trust_update_root(trust, bytes.data, bytes.size, &reason));
	ASSERT(!trust_body(trust, "timestamp") && !trust_body(trust, "snapshot"));
	ASSERT(!trust_body(trust, "targets") && !trust_snapshot_is_final(trust));
}

/* The versions of targets were driven up: a new snapshot key lets them start anew. */
TEST(a_new_snapshot_key_lets_targets_go_down)
{
	begin();
	set_version(targets, 1000000);
	list_role("targets.json", 1000000);
	serve_all();
	ASSERT_OK(refresh());
	set_version(targets, 1);
	list_role("targets.json", 1);
	serve_versioned("targets", targets, KEY_TARGETS);
	serve_next_snapshot();
	refuse(-ESTALE, "targets.json is older");
	set_version(root, 2);
	set_role("snapshot", role_of(1, KEY_A, -1));
	serve_root();
	serve("2.snapshot.json", sign(snapshot, KEY_A, -1));
	ASSERT_OK(refresh());
}

/* The timestamp has the snapshot's version, so its key has to change too. */
TEST(new_snapshot_and_timestamp_keys_let_the_snapshot_go_down)
{
	begin();
	set_version(snapshot, 1000000);
	serve_next_snapshot();
	ASSERT_OK(refresh());
	set_version(snapshot, 1);
	set_version(timestamp, 3);
	set(timestamp, "meta", json_pack("{s:{s:i}}", "snapshot.json", "version", 1));
	serve_all();
	refuse(-ESTALE, "timestamp is older");
	set_version(root, 2);
	set_role("snapshot", role_of(1, KEY_A, -1));
	set_role("timestamp", role_of(1, KEY_B, -1));
	serve_root();
	serve("1.snapshot.json", sign(snapshot, KEY_A, -1));
	serve("timestamp.json", sign(timestamp, KEY_B, -1));
	ASSERT_OK(refresh());
}

TEST(a_kept_snapshot_guards_against_rollback_where_hashes_are_announced)
{
	begin();
	set_version(targets, 2);
	list_role("targets.json", 2);
	serve_all();
	ASSERT_OK(refresh());
	set_version(targets, 1);
	list_role("targets.json", 1);
	serve_versioned("targets", targets, KEY_TARGETS);
	serve_next_snapshot();
	set(json_object_get(timestamp, "meta"), "snapshot.json",
		meta_of("2.snapshot.json", 0, true));
	set(json_object_get(json_object_get(timestamp, "meta"), "snapshot.json"), "version",
		json_integer(2));
	serve_timestamp();
	refuse(-ESTALE, "targets.json is older");
}

TEST(a_kept_expired_snapshot_still_guards_against_rollback)
{
	begin();
	list_role("targets.json", 2);
	set(snapshot, "expires", json_string(EXPIRED));
	put_json(&kept, "snapshot.json", sign(snapshot, KEY_SNAPSHOT, -1));
	list_role("targets.json", 1);
	set(snapshot, "expires", json_string(LATER));
	serve_next_snapshot();
	refuse(-ESTALE, "targets.json is older");
}

/* 5.4.2: the signatures come first, so that nothing of a forged file counts. */
TEST(what_is_forged_is_refused_for_its_signatures)
{
	begin();
	set_version(timestamp, 5);
	serve_timestamp();
	ASSERT_OK(refresh());
	set_version(timestamp, 4);
	set(timestamp, "expires", json_string(EXPIRED));
	set(timestamp, "meta", json_null());
	serve("timestamp.json", sign(timestamp, KEY_A, -1));
	refuse(-EKEYREJECTED, "timestamp: signed by 0 of the 1 keys");
}

TEST(an_older_timestamp_is_refused)
{
	begin();
	set_version(timestamp, 5);
	serve_timestamp();
	ASSERT_OK(refresh());
	set_version(timestamp, 4);
	serve_timestamp();
	refuse(-ESTALE, "timestamp is older");
}

/* CVE-2025-2888 (tough): a refused timestamp was cached and blocked later updates */
TEST(a_refused_timestamp_is_not_kept)
{
	_cleanup_free_ char *before = NULL;

	begin();
	serve_next_snapshot(); /* snapshot 2, timestamp 2 */
	ASSERT_OK(refresh());
	before = memory_string((char *)get(&kept, "timestamp.json")->data);
	set_version(timestamp, 8);
	set(timestamp, "meta", json_pack("{s:{s:i}}", "snapshot.json", "version", 1));
	serve_timestamp();
	refuse(-ESTALE, "timestamp is older");
	ASSERT_STREQ(get(&kept, "timestamp.json")->data, before);
	set(timestamp, "meta", json_pack("{s:{s:i}}", "snapshot.json", "version", 2));
	set(timestamp, "expires", json_string(EXPIRED));
	serve_timestamp();
	refuse(-EKEYEXPIRED, "timestamp");
	ASSERT_STREQ(get(&kept, "timestamp.json")->data, before);
	set_version(timestamp, 3);
	set(timestamp, "expires", json_string(LATER));
	serve_timestamp();
	ASSERT_OK(refresh());
}

TEST(a_timestamp_of_equal_version_is_passed_over_silently)
{
	_cleanup_free_ char *before = NULL;

	begin();
	ASSERT_OK(refresh());
	before = memory_string((char *)get(&kept, "timestamp.json")->data);
	set(timestamp, "meta", json_pack("{s:{s:i}}", "snapshot.json", "version", 7));
	serve_timestamp();
	ASSERT_OK(refresh());
	ASSERT_STREQ(requests, "2.root.json timestamp.json ");
	ASSERT_STREQ(get(&kept, "timestamp.json")->data, before);
}

/* CVE-2022-29173 (go-tuf): local metadata was not used for rollback checks, or kept unchecked */
TEST(a_kept_expired_timestamp_still_guards_against_rollback)
{
	begin();
	set_version(timestamp, 5);
	set(timestamp, "expires", json_string(EXPIRED));
	put_json(&kept, "timestamp.json", sign(timestamp, KEY_TIMESTAMP, -1));
	set_version(timestamp, 4);
	set(timestamp, "expires", json_string(LATER));
	serve_timestamp();
	refuse(-ESTALE, "timestamp is older");
}

TEST(a_kept_expired_timestamp_is_not_enough)
{
	begin();
	set(timestamp, "expires", json_string(EXPIRED));
	put_json(&kept, "timestamp.json", sign(timestamp, KEY_TIMESTAMP, -1));
	serve_timestamp(); /* the same version: nothing new */
	refuse(-EKEYEXPIRED, "timestamp metadata expired");
}

TEST(damaged_kept_copies_are_fetched_anew)
{
	static const char *const names[] = {"timestamp.json", "snapshot.json", "targets.json"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		begin();
		ASSERT_OK(refresh());
		ASSERT_OK(put(&kept, names[i], "{\"signed\":", 10));
		ASSERT_OK(refresh());
		ASSERT(get(&kept, names[i])->size > 10);
	}
}

/* CVE-2025-2887 (tough): delegated roles could go down */
TEST(no_role_goes_down_or_vanishes_from_the_snapshot)
{
	begin();
	list_role("extra.json", 3);
	serve_next_snapshot();
	ASSERT_OK(refresh());
	list_role("extra.json", 2);
	serve_next_snapshot();
	refuse(-ESTALE, "extra.json is older");
	json_object_del(json_object_get(snapshot, "meta"), "extra.json");
	serve_next_snapshot();
	refuse(-ESTALE, "extra.json vanished");
	list_role("extra.json", 3);
	serve_next_snapshot();
	ASSERT_OK(refresh());
	ASSERT(strstr((char *)get(&kept, "snapshot.json")->data, "\"version\":5"));
}

TEST(the_snapshot_is_the_announced_version)
{
	begin();
	set_version(snapshot, 2);
	serve("1.snapshot.json", sign(snapshot, KEY_SNAPSHOT, -1));
	refuse(-ESTALE, "snapshot is version 2, not 1");
	ASSERT(!get(&kept, "snapshot.json"));
	ASSERT(!trust_body(trust, "snapshot")); /* a refused one does not count for anything */
}

TEST(targets_are_the_announced_version)
{
	begin();
	set_version(targets, 2);
	serve("1.targets.json", sign(targets, KEY_TARGETS, -1));
	refuse(-ESTALE, "targets is version 2, not 1");
	ASSERT(!get(&kept, "targets.json"));
}

TEST(a_new_snapshot_in_the_same_client_drops_the_roles_of_the_old)
{
	begin();
	ASSERT_OK(refresh());
	set_version(targets, 2);
	list_target(targets, "dir/file", 5);
	list_role("targets.json", 2);
	serve_versioned("targets", targets, KEY_TARGETS);
	serve_next_snapshot();
	ASSERT_OK(trust_refresh(trust, &repository, &reason));
	ASSERT_EQ(json_integer_value(json_object_get(trust_body(trust, "targets"), "version")), 2);
}

/* -- expiry -- */

TEST(every_role_expires)
{
	struct {
		const char *name;
		json_t **object;
	} roles[] = {{"root", &root}, {"timestamp", &timestamp}, {"snapshot", &snapshot},
		{"targets", &targets}};

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		begin();
		set(*roles[i].object, "expires", json_string(EXPIRED));
		trust_root_now();
		serve_all();
		refuse(-EKEYEXPIRED, roles[i].name);
		ASSERT(!get(&kept, "targets.json"));
	}
}

TEST(the_second_of_expiry_is_too_late)
{
	char text[TIME_TEXT_SIZE];

	begin();
	time_format(NOW, text);
	set(timestamp, "expires", json_string(text));
	serve_timestamp();
	refuse(-EKEYEXPIRED, "timestamp");
	time_format(NOW + 1, text);
	set(timestamp, "expires", json_string(text));
	serve_timestamp();
	ASSERT_OK(refresh());
}

/* CVE-2026-6967 (tough): expiry, hash and length of delegated metadata were not checked */
TEST(a_delegated_role_expires)
{
	json_t *a;

	begin();
	a = delegate_dir("a", KEY_A);
	list_target(a, "dir/a", 7);
	set(a, "expires", json_string(EXPIRED));
	serve_delegated("a", a, KEY_A);
	serve_all();
	refuse_find(-EKEYEXPIRED, "dir/a", "a metadata expired");
}

/* -- lengths and hashes -- */

TEST(the_snapshot_has_the_announced_length_and_hash)
{
	json_t *meta;

	begin();
	meta = json_object_get(timestamp, "meta");
	set(meta, "snapshot.json", meta_of("1.snapshot.json", 0, true));
	serve_timestamp();
	ASSERT_OK(refresh());
	forget(&kept);
	set(meta, "snapshot.json", meta_of("1.snapshot.json", 1, true));
	serve_timestamp();
	refuse(-EKEYREJECTED, "snapshot metadata has");
	set(meta, "snapshot.json", meta_of("1.snapshot.json", 0, false));
	forget(&kept);
	serve_timestamp();
	refuse(-EKEYREJECTED, "snapshot metadata is not the bytes");
}

TEST(a_kept_snapshot_of_other_bytes_is_fetched_anew)
{
	begin();
	ASSERT_OK(refresh());
	set(snapshot, "custom", json_integer(1)); /* the same version, other bytes */
	serve_versioned("snapshot", snapshot, KEY_SNAPSHOT);
	set_version(timestamp, 2);
	set(json_object_get(timestamp, "meta"), "snapshot.json",
		meta_of("1.snapshot.json", 0, true));
	serve_timestamp();
	ASSERT_OK(refresh());
	ASSERT(strstr(requests, "1.snapshot.json"));
	ASSERT(strstr((char *)get(&kept, "snapshot.json")->data, "custom"));
}

TEST(targets_have_the_announced_length_and_hash)
{
	static const struct {
		int more;
		bool right_hash;
		const char *word;
	} cases[] = {{1, true, "targets metadata has"}, {0, false, "targets metadata is not"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		set(json_object_get(snapshot, "meta"), "targets.json",
			meta_of("1.targets.json", cases[i].more, cases[i].right_hash));
		serve_next_snapshot();
		refuse(-EKEYREJECTED, cases[i].word);
		ASSERT(!get(&kept, "targets.json"));
	}
}

TEST(a_delegated_role_has_the_announced_length_and_hash)
{
	json_t *a;

	begin();
	a = delegate_dir("a", KEY_A);
	list_target(a, "dir/a", 7);
	serve_delegated("a", a, KEY_A);
	serve_all();
	set(json_object_get(snapshot, "meta"), "a.json", meta_of("1.a.json", 0, false));
	serve_next_snapshot();
	refuse_find(-EKEYREJECTED, "dir/a", "a metadata is not the bytes");
	set(json_object_get(snapshot, "meta"), "a.json", meta_of("1.a.json", -1, true));
	serve_next_snapshot();
	ASSERT_EQ(
		find("dir/a", &(uint64_t){0}), -EFBIG); /* the length is the limit of the request */
}

TEST(a_target_needs_length_and_hash)
{
	json_t *list;

	begin();
	list = json_object_get(targets, "targets");
	set(list, "dir/no-hash", json_pack("{s:i}", "length", 3));
	set(list, "dir/no-length",
		json_pack("{s:{s:s}}", "hashes", "sha256",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	set(list, "dir/other-hash",
		json_pack("{s:i, s:{s:s}}", "length", 3, "hashes", "md5", "00"));
	set(list, "dir/negative",
		json_pack("{s:i, s:{s:s}}", "length", -3, "hashes", "sha256", "00"));
	serve_all();
	refuse_find(-EBADMSG, "dir/no-hash", "without length or hash");
	refuse_find(-EBADMSG, "dir/no-length", "without length or hash");
	refuse_find(-EBADMSG, "dir/other-hash", "without a hash that is known here");
	refuse_find(-EBADMSG, "dir/negative", "length of dir/negative");
}

/* -- types and malformed bytes -- */

TEST(no_role_passes_for_another)
{
	begin();
	/* one key for all: only the type tells them apart */
	set_role("targets", role_of(1, KEY_A, -1));
	set_role("snapshot", role_of(1, KEY_A, -1));
	set_role("timestamp", role_of(1, KEY_A, -1));
	trust_root_now();
	serve("timestamp.json", sign(snapshot, KEY_A, -1));
	refuse(-EBADMSG, "timestamp metadata is not of type timestamp");
	serve("timestamp.json", sign(timestamp, KEY_A, -1));
	serve("1.snapshot.json", sign(targets, KEY_A, -1));
	refuse(-EBADMSG, "snapshot metadata is not of type snapshot");
	serve("1.snapshot.json", sign(snapshot, KEY_A, -1));
	serve("1.targets.json", sign(snapshot, KEY_A, -1));
	refuse(-EBADMSG, "targets metadata is not of type targets");
	serve("2.root.json", sign(targets, 0, 1, -1));
	refuse(-EBADMSG, "root metadata is not of type root");
}

/* CVE-2026-23991 (go-tuf): a crash before any signature was looked at */
TEST(malformed_metadata_is_refused_and_no_more)
{
	static const char *const texts[] = {"", "{", "[]", "null", "{}", "{\"signed\":null}",
		"{\"signed\":[]}", "{\"signed\":{}}", "{\"signed\":{\"_type\":[]}}",
		"{\"signed\":{\"_type\":\"T\"}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":\"2.0.0\"}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":1}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":\"1.0.0\"}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":\"1.0.0\",\"version\":0,"
		"\"expires\":\"" LATER "\"}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":\"1.0.0\",\"version\":\"1\","
		"\"expires\":\"" LATER "\"}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":\"1.0.0\",\"version\":1,"
		"\"expires\":\"2027-01-01\"}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":\"1.0.0\",\"version\":1,"
		"\"expires\":\"" LATER "\"}}",
		"{\"signed\":{\"_type\":\"T\",\"spec_version\":\"1.0.0\",\"version\":1.5,"
		"\"expires\":\"" LATER "\"},\"signatures\":[]}",
		"{\"signatures\":[],\"signatures\":[],\"signed\":{}}"};
	static const struct {
		const char *file, *type;
	} files[] = {{"2.root.json", "root"}, {"timestamp.json", "timestamp"},
		{"1.snapshot.json", "snapshot"}, {"1.targets.json", "targets"}};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
			char text[400];
			const char *at = strstr(texts[j], "\"T\"");
			int n = at ? (int)(at - texts[j]) : (int)strlen(texts[j]);

			begin();
			snprintf(text, sizeof(text), "%.*s%s%s%s%s", n, texts[j], at ? "\"" : "",
				at ? files[i].type : "", at ? "\"" : "", at ? at + 3 : "");
			ASSERT_OK(put(&served, files[i].file, text, strlen(text)));
			ASSERT(refresh() < 0);
			ASSERT(reason.text[0]);
		}
}

/* 4.3: each role says what it is, which specification it follows, which version it is, and until
 * when it counts; also a root whose expiry does not count, as another one follows it. */
TEST(what_a_role_says_of_itself_is_checked_though_it_is_signed)
{
	struct {
		const char *file;
		json_t **body;
		int key, second;
	} roles[] = {{"2.root.json", &root, 0, 1},
		{"timestamp.json", &timestamp, KEY_TIMESTAMP, -1},
		{"1.snapshot.json", &snapshot, KEY_SNAPSHOT, -1},
		{"1.targets.json", &targets, KEY_TARGETS, -1}};
	static const char *const bad[][3] = {
		{"spec_version", "\"2.0.0\"", "of an unknown specification version"},
		{"spec_version", "1", "of an unknown specification version"},
		{"spec_version", NULL, "of an unknown specification version"},
		{"version", "0", "no valid version or expiry"},
		{"version", "\"2\"", "no valid version or expiry"},
		{"version", NULL, "no valid version or expiry"},
		{"expires", "\"2999-01-01\"", "no valid version or expiry"},
		{"expires", "32472144000", "no valid version or expiry"},
		{"expires", NULL, "no valid version or expiry"}};

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++) {
			json_t *body;

			begin();
			set_version(root, 2);
			body = *roles[i].body;
			if (bad[j][1])
				set(body, bad[j][0], json_loads(bad[j][1], JSON_DECODE_ANY, NULL));
			else
				json_object_del(body, bad[j][0]);
			serve(roles[i].file, sign(body, roles[i].key, roles[i].second, -1));
			refuse(-EBADMSG, bad[j][2]);
		}
}

TEST(malformed_but_signed_metadata_is_refused_and_no_more)
{
	begin();
	set(snapshot, "meta", json_array());
	serve_all();
	refuse(-EBADMSG, "snapshot lists no metadata");
	begin();
	set(timestamp, "meta", json_pack("{s:i}", "snapshot.json", 1));
	serve_all();
	refuse(-EBADMSG, "the entry of snapshot.json is malformed");
	begin();
	set(timestamp, "meta", json_object());
	serve_all();
	refuse(-EBADMSG, "snapshot.json is not listed");
	begin();
	set(json_object_get(snapshot, "meta"), "targets.json", json_pack("{s:i}", "version", -1));
	serve_all();
	refuse(-EBADMSG, "targets.json is listed without a version");
	begin();
	set(root, "roles", json_array());
	trust_root_now();
	refuse(-EBADMSG, "root metadata does not say who signs");
	begin();
	set(targets, "targets", json_null());
	serve_all();
	refuse(-EBADMSG, "targets metadata has no list of targets");
}
