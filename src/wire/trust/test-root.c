/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of roots (specification, 5.2 and 5.3). Mistakes of others have their number beside
 * them. */
#include "wire/trust/test-repository.h"

TEST(root_goes_up_by_one_with_old_and_new_keys)
{
	begin();
	set_version(root, 2);
	set_role("root", role_of(2, KEY_A, KEY_B, KEY_C, -1));
	serve("2.root.json", sign(root, 0, 2, KEY_A, KEY_C, -1));
	set_version(root, 3);
	serve("3.root.json", sign(root, KEY_A, KEY_B, -1));
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_root_version(trust), 3);
	ASSERT(text_starts_with(requests, "2.root.json 3.root.json 4.root.json timestamp.json"));
	ASSERT_MEMEQ(get(&kept, "root.json")->data, get(&served, "3.root.json")->data,
		get(&served, "3.root.json")->size);
}

/* CVE-2020-15163 (python-tuf): an unverified new root was kept, its threshold skipped */
TEST(a_root_that_the_old_keys_did_not_sign_is_refused_and_not_kept)
{
	begin();
	set_version(root, 2);
	set_role("root", role_of(1, KEY_A, -1));
	serve("2.root.json", sign(root, KEY_A, -1));
	refuse(-EKEYREJECTED, "root: signed by 0 of the 2 keys");
	serve("2.root.json", sign(root, KEY_A, 0, -1));
	refuse(-EKEYREJECTED, "root: signed by 1 of the 2 keys");
	ASSERT(!get(&kept, "root.json"));
	ASSERT_EQ(trust_root_version(trust), 1);
}

TEST(a_root_that_its_own_keys_did_not_sign_is_refused)
{
	begin();
	set_version(root, 2);
	set_role("root", role_of(2, KEY_A, KEY_B, -1));
	serve("2.root.json", sign(root, 0, 1, KEY_A, -1));
	refuse(-EKEYREJECTED, "root: signed by 1 of the 2 keys");
	ASSERT(!get(&kept, "root.json"));
}

/* CVE-2025-2885 (tough) */
TEST(root_versions_are_not_skipped)
{
	static const json_int_t versions[] = {1, 3, 1000};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		begin();
		set_version(root, versions[i]);
		serve("2.root.json", sign(root, 0, 1, -1));
		refuse(-ESTALE, "not 2");
	}
}

TEST(only_the_last_roots_expiry_counts)
{
	begin();
	set(root, "expires", json_string(EXPIRED));
	trust_root_now();
	refuse(-EKEYEXPIRED, "root metadata expired on " EXPIRED);
	set_version(root, 2);
	serve_root();
	refuse(-EKEYEXPIRED, "root");
	ASSERT(get(&kept, "root.json")); /* kept all the same: the next refresh starts there */
	set_version(root, 3);
	set(root, "expires", json_string(LATER));
	serve_root();
	ASSERT_OK(refresh());
}

TEST(a_trusted_root_must_verify_itself)
{
	begin();
	set_role("root", role_of(2, KEY_A, KEY_B, -1));
	trust_root_now(); /* signed by 0 and 1 */
	refuse(-EKEYREJECTED, "root: signed by 0 of the 2 keys");
	ASSERT_STREQ(requests, "");
}

TEST(one_refresh_follows_256_roots_and_the_next_goes_on)
{
	begin();
	for (int version = 2; version <= TRUST_ROOT_ROTATIONS_MAX + 3; version++) {
		set_version(root, version);
		serve_root();
	}
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_root_version(trust), TRUST_ROOT_ROTATIONS_MAX + 1);
	free(trusted_root);
	trusted_root_size = get(&kept, "root.json")->size;
	trusted_root = memory_copy(get(&kept, "root.json")->data, trusted_root_size);
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_root_version(trust), TRUST_ROOT_ROTATIONS_MAX + 3);
}

TEST(versions_are_bounded_so_that_counting_up_never_overflows)
{
	begin();
	set_version(root, INT64_MAX);
	trust_root_now();
	refuse(-EBADMSG, "no valid version");
}

/* 5.3.3: a root is kept as soon as it is trusted, whatever comes behind it. */
TEST(each_root_of_a_chain_is_kept_before_the_next_is_looked_at)
{
	begin();
	set_version(root, 2);
	serve_root();
	set_version(root, 3);
	serve("3.root.json", sign(root, 0, -1));
	refuse(-EKEYREJECTED, "root: signed by 1 of the 2 keys");
	ASSERT_EQ(trust_root_version(trust), 2);
	ASSERT_MEMEQ(get(&kept, "root.json")->data, get(&served, "2.root.json")->data,
		get(&served, "2.root.json")->size);
}

TEST(only_a_root_that_is_not_there_ends_the_chain)
{
	begin();
	failing = "2.root.json"; /* the server is down: not the same */
	ASSERT_EQ(refresh(), -EIO);
	ASSERT_STREQ(requests, "2.root.json ");
	ASSERT(!get(&kept, "timestamp.json"));
}

TEST(a_root_is_asked_for_within_its_limit)
{
	begin();
	failing = "2.root.json";
	ASSERT_EQ(refresh(), -EIO);
	ASSERT_EQ(asked_max, TRUST_ROOT_SIZE_MAX);
}

TEST(a_root_says_who_signs_each_of_the_four_roles)
{
	static const char *const names[] = {"root", "timestamp", "snapshot", "targets"};
	_cleanup_json_ json_t *bad = json_pack("[n, [], {}, {s:[], s:i}, {s:s, s:i}, {s:[i], s:i}, "
					       "{s:[s]}, {s:i}]",
		"keyids", "threshold", 0, "keyids", "x", "threshold", 1, "keyids", 1, "threshold",
		1, "keyids", "x", "threshold", 1);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		begin();
		json_object_del(json_object_get(root, "roles"), names[i]);
		trust_root_now();
		refuse(-EBADMSG, names[i]);
		for (size_t j = 0; j < json_array_size(bad); j++) {
			begin();
			json_object_set(
				json_object_get(root, "roles"), names[i], json_array_get(bad, j));
			trust_root_now();
			refuse(-EBADMSG, "root metadata does not say who signs the role");
			ASSERT_STREQ(requests, "");
		}
	}
}

TEST(a_new_root_that_lacks_a_role_is_refused_and_not_kept)
{
	begin();
	set_version(root, 2);
	json_object_del(json_object_get(root, "roles"), "snapshot");
	serve_root();
	refuse(-EBADMSG, "root metadata does not say who signs the role snapshot");
	ASSERT_EQ(trust_root_version(trust), 1);
	ASSERT(!get(&kept, "root.json"));
	begin();
	set_version(root, 2);
	set(root, "keys", json_array());
	serve_root();
	refuse(-EBADMSG, "root metadata lists no keys");
}

TEST(other_roles_in_a_root_are_passed_over)
{
	begin();
	set_role("mirrors", json_pack("[i]", 1));
	trust_root_now();
	ASSERT_OK(refresh());
}

/* 4.3: optional, for the sake of old metadata */
TEST(a_root_without_consistent_snapshot_means_plain_names)
{
	begin();
	json_object_del(root, "consistent_snapshot");
	trust_root_now();
	serve("targets.json", sign(targets, KEY_TARGETS, -1));
	serve("snapshot.json", sign(snapshot, KEY_SNAPSHOT, -1));
	ASSERT_OK(refresh());
	ASSERT(!trust_consistent_snapshot(trust));
	ASSERT_STREQ(requests, "2.root.json timestamp.json snapshot.json targets.json ");
	set(root, "consistent_snapshot", json_integer(1));
	trust_root_now();
	refuse(-EBADMSG, "consistent_snapshot is neither true nor false");
}

TEST(a_chain_of_roots_in_which_all_keys_change_is_followed)
{
	begin();
	for (int version = 2; version <= 31; version++) {
		int old = (version - 1) % KEYS, new = version % KEYS;
		char name[32];

		set_version(root, version);
		set_role("root", role_of(1, new, -1));
		set_role("timestamp", role_of(1, new, -1));
		snprintf(name, sizeof(name), "%d.root.json", version);
		serve(name, version == 2 ? sign(root, 0, 1, new, -1) : sign(root, old, new, -1));
	}
	serve("timestamp.json", sign(timestamp, 31 % KEYS, -1));
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_root_version(trust), 31);
}
