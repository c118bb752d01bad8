/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/trust/test-repository.h"

/* -- delegations -- */

/* rust-tuf #275: delegated targets were accepted unverified */
TEST(a_delegated_role_is_verified_with_its_delegators_keys)
{
	json_t *a;

	begin();
	a = delegate_dir("a", KEY_A);
	list_target(a, "dir/a", 7);
	serve_delegated("a", a, KEY_TARGETS); /* not even the delegator's own key will do */
	serve_all();
	refuse_find(-EKEYREJECTED, "dir/a", "a: signed by 0 of the 1 keys");
	ASSERT(!get(&kept, "a.json"));
	serve_delegated("a", a, KEY_A);
	check_length("dir/a", 7);
	ASSERT(get(&kept, "a.json"));
}

TEST(a_role_vouches_only_for_paths_that_match_at_every_hop)
{
	json_t *a, *b;

	begin();
	delegate(targets, "a", role_of(1, KEY_A, -1), "dir/a*");
	a = targets_body();
	b = targets_body();
	list_target(a, "dir/b", 7); /* not in its remit */
	delegate(a, "b", role_of(1, KEY_B, -1), "dir/*");
	list_target(b, "dir/b", 8);
	list_target(b, "dir/ab", 9);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_all();
	refuse_find(-ENOENT, "dir/b", "dir/b is not in the repository");
	check_length("dir/ab", 9);
}

/* CVE-2024-47534 (go-tuf): targets → (a → c), b; c comes before b */
TEST(the_search_is_pre_order_and_the_first_listed_wins)
{
	json_t *a, *b, *c;

	begin();
	a = delegate_dir("a", KEY_A);
	b = delegate_dir("b", KEY_B);
	c = targets_body();
	delegate(a, "c", role_of(1, KEY_C, -1), "dir/*");
	list_target(b, "dir/x", 2);
	list_target(c, "dir/x", 3);
	list_target(b, "dir/y", 4);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_delegated("c", c, KEY_C);
	serve_all();
	check_length("dir/x", 3);
	ASSERT(strstr(requests, "1.a.json 1.c.json"));
	ASSERT(!strstr(requests, "1.b.json"));
	check_length("dir/y", 4);
}

/* Else who can hold a file back could choose whose word counts. */
TEST(a_role_that_fails_ends_the_search)
{
	json_t *a, *b;

	begin();
	a = delegate_dir("a", KEY_A);
	b = delegate_dir("b", KEY_B);
	list_target(b, "dir/x", 2);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_all();
	check_length("dir/x", 2);
	forget(&kept);
	failing = "1.a.json";
	ASSERT_EQ(find("dir/x", &(uint64_t){0}), -EIO);
	failing = NULL;
	serve_delegated("a", a, KEY_B);
	refuse_find(-EKEYREJECTED, "dir/x", "a: signed by 0 of the 1 keys");
	ASSERT(!strstr(requests, "1.b.json"));
}

/* CVE-2025-2886 (tough) */
TEST(a_terminating_delegation_ends_the_search)
{
	json_t *a, *b;

	begin();
	set(delegate(targets, "a", role_of(1, KEY_A, -1), "dir/*"), "terminating", json_true());
	delegate(targets, "b", role_of(1, KEY_B, -1), "*/*");
	a = targets_body();
	b = targets_body();
	list_target(b, "dir/x", 2);
	list_target(b, "other/x", 3);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_all();
	refuse_find(-ENOENT, "dir/x", "not in the repository");
	check_length("other/x", 3); /* it does not match there */
}

TEST(a_nested_terminating_delegation_ends_the_search_of_its_elders_too)
{
	json_t *a, *b, *c;

	begin();
	a = delegate_dir("a", KEY_A);
	b = delegate_dir("b", KEY_B);
	c = targets_body();
	set(delegate(a, "c", role_of(1, KEY_C, -1), "dir/*"), "terminating", json_true());
	list_target(b, "dir/x", 2);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_delegated("c", c, KEY_C);
	serve_all();
	refuse_find(-ENOENT, "dir/x", "not in the repository");
	ASSERT(!strstr(requests, "1.b.json"));
}

/* python-tuf #2977: targets → a → c and targets → b → c, with other keys for c */
TEST(a_role_is_verified_anew_for_each_delegator_that_reaches_it)
{
	json_t *a, *b, *c;

	begin();
	a = delegate_dir("a", KEY_A);
	b = delegate_dir("b", KEY_B);
	c = targets_body();
	delegate(a, "c", role_of(1, KEY_C, -1), "dir/one*");
	delegate(b, "c", role_of(1, KEY_D, -1), "dir/*");
	list_target(c, "dir/one", 5);
	list_target(c, "dir/two", 6);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_delegated("c", c, KEY_C); /* good for a, not for b */
	serve_all();
	check_length("dir/one", 5);
	/* the same client now comes through b: what a trusted does not count */
	ASSERT_EQ(
		trust_find(trust, &repository, "dir/two", &(TrustFile){}, &reason), -EKEYREJECTED);
	refuse_find(-EKEYREJECTED, "dir/two", "c: signed by 0 of the 1 keys");
	serve("1.c.json", sign(c, KEY_C, KEY_D, -1));
	check_length("dir/two", 6);
}

/* a's holder serves a c of his own, in which everything is his; b's c must not be taken for it. */
TEST(a_target_is_what_this_hops_delegator_vouches_for)
{
	json_t *a, *b, *own, *good;
	TrustFile file;

	begin();
	delegate(targets, "a", role_of(1, KEY_A, -1), "dir/one*");
	b = delegate_dir("b", KEY_B);
	a = targets_body();
	delegate(a, "c", role_of(1, KEY_C, -1), "dir/*");
	delegate(b, "c", role_of(1, KEY_D, -1), "dir/*");
	own = targets_body();
	good = targets_body();
	list_target(own, "dir/two", 666);
	list_target(good, "dir/two", 6);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_delegated("c", own, KEY_C);
	serve_all();
	ASSERT_OK(refresh());
	/* loads his c, verified for a; b's c then fails, and so does this search */
	ASSERT_EQ(trust_find(trust, &repository, "dir/one", &file, &reason), -EKEYREJECTED);
	serve("1.c.json", sign(good, KEY_D, -1));
	ASSERT_OK(trust_find(trust, &repository, "dir/two", &file, &reason));
	ASSERT_EQ(file.length, 6);
}

/* The role below c is verified with the keys of the c that was walked through. */
TEST(keys_come_from_the_role_of_this_hop)
{
	json_t *a, *b, *own, *good, *d;
	TrustFile file;

	begin();
	delegate(targets, "a", role_of(1, KEY_A, -1), "dir/one*");
	b = delegate_dir("b", KEY_B);
	a = targets_body();
	delegate(a, "c", role_of(1, KEY_C, -1), "dir/*");
	delegate(b, "c", role_of(1, KEY_D, -1), "dir/*");
	own = targets_body();
	good = targets_body();
	d = targets_body();
	delegate(own, "d", role_of(1, KEY_A, -1), "dir/*");
	delegate(good, "d", role_of(1, KEY_B, -1), "dir/*");
	list_target(d, "dir/two", 666);
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_delegated("c", own, KEY_C);
	serve_delegated("d", d, KEY_A);
	serve_all();
	ASSERT_OK(refresh());
	ASSERT(trust_find(trust, &repository, "dir/one", &file, &reason) < 0);
	serve("1.c.json", sign(good, KEY_D, -1));
	ASSERT_EQ(trust_find(trust, &repository, "dir/two", &file, &reason), -EKEYREJECTED);
	ASSERT(strstr(reason.text, "d: signed by 0 of the 1 keys"));
}

TEST(no_delegated_role_is_named_like_a_top_level_one)
{
	static const char *const names[] = {"root", "timestamp", "snapshot", "targets", ""};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		begin();
		delegate(targets, names[i], role_of(1, KEY_A, -1), "dir/*");
		serve_all();
		refuse(-EBADMSG, "no delegated role may be named");
		ASSERT(!get(&kept, "targets.json"));
	}
}

TEST(a_role_is_delegated_to_once_by_each_delegator)
{
	begin();
	delegate(targets, "a", role_of(1, KEY_A, -1), "dir/a*");
	delegate(targets, "a", role_of(1, KEY_B, -1), "dir/b*");
	serve_all();
	refuse(-EBADMSG, "targets metadata delegates");
}

TEST(a_ring_of_delegations_ends)
{
	json_t *a, *b;

	begin();
	a = delegate_dir("a", KEY_A);
	b = targets_body();
	delegate(a, "b", role_of(1, KEY_B, -1), "dir/*");
	delegate(b, "a", role_of(1, KEY_A, -1), "dir/*");
	delegate(a, "a", role_of(1, KEY_A, -1), "dir/*");
	serve_delegated("a", a, KEY_A);
	serve_delegated("b", b, KEY_B);
	serve_all();
	refuse_find(-ENOENT, "dir/x", "not in the repository");
}

TEST(a_search_visits_a_bounded_number_of_roles)
{
	size_t fetched = 0;
	json_t *a;

	begin();
	a = targets_body();
	for (int i = 0; i < 60; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%d", i);
		delegate(targets, name, role_of(1, KEY_A, -1), "dir/*");
		if (i == 59)
			list_target(a, "dir/x", 1);
		serve_delegated(name, a, KEY_A);
	}
	serve_all();
	refuse_find(-ENOENT, "dir/x", "not in the repository");
	for (const char *at = strstr(requests, ".r"); at; at = strstr(at + 1, "1.r"))
		fetched++;
	ASSERT(fetched <= TRUST_DELEGATIONS_MAX);
}

TEST(a_delegated_role_that_the_snapshot_lacks_is_an_error)
{
	begin();
	delegate(targets, "a", role_of(1, KEY_A, -1), "dir/*");
	serve_all();
	/* not -ENOENT: that would read as "nobody lists it", and a publisher would start anew */
	refuse_find(-EKEYREJECTED, "dir/x", "a.json is not listed in the snapshot");
	list_role("a.json", 1);
	serve_next_snapshot();
	refuse_find(-EIO, "dir/x", "announces 1.a.json, but has none");
}

/* -- names -- */

/* CVE-2021-41131 (python-tuf), CVE-2021-41150 (tough) */
TEST(no_role_name_leaves_its_folder)
{
	json_t *a;

	begin();
	delegate(targets, "../../etc/x y", role_of(1, KEY_A, -1), "dir/*");
	a = targets_body();
	list_target(a, "dir/a", 7);
	list_role("../../etc/x y.json", 1);
	serve("1...%2F..%2Fetc%2Fx%20y.json", sign(a, KEY_A, -1));
	serve_all();
	check_length("dir/a", 7);
	ASSERT(get(&kept, "..%2F..%2Fetc%2Fx%20y.json"));
	for (size_t i = 0; i < kept.count; i++)
		ASSERT(!strchr(kept.items[i].name, '/'));
}

TEST(role_names_are_encoded_whole)
{
	_cleanup_free_ char *plain = trust_metadata_name("exampleos_26.3.1_x86_64", 3);
	_cleanup_free_ char *slash = trust_metadata_name("/delegatedrole", 1);
	_cleanup_free_ char *other = trust_metadata_name("\xc3\xa4%2F", 0);

	ASSERT_STREQ(plain, "3.exampleos_26.3.1_x86_64.json");
	ASSERT_STREQ(slash, "1.%2Fdelegatedrole.json");
	ASSERT_STREQ(other, "%C3%A4%252F.json");
}

/* The kept copy is a file of that name, which has room for 255 bytes. */
TEST(a_role_name_fits_into_a_files_name)
{
	char name[TRUST_ROLE_NAME_MAX + 2];
	_cleanup_free_ char *listed = NULL, *address = NULL;
	json_t *a;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	begin();
	delegate(targets, name, role_of(1, KEY_A, -1), "dir/*");
	serve_all();
	refuse(-EBADMSG, "no delegated role may be named");
	begin();
	strcpy(name + TRUST_ROLE_NAME_MAX - 3, "//"); /* which take three each */
	delegate(targets, name, role_of(1, KEY_A, -1), "dir/*");
	serve_all();
	refuse(-EBADMSG, "no delegated role may be named");
	begin();
	strcpy(name + TRUST_ROLE_NAME_MAX - 3, "/");
	delegate(targets, name, role_of(1, KEY_A, -1), "dir/*");
	a = targets_body();
	list_target(a, "dir/a", 7);
	name[TRUST_ROLE_NAME_MAX - 3] = '\0';
	listed = memory_printf("%s/.json", name);
	address = memory_printf("1.%s%%2F.json", name);
	list_role(listed, 1);
	serve(address, sign(a, KEY_A, -1));
	serve_all();
	check_length("dir/a", 7);
}

TEST(consistent_snapshots_put_versions_and_hashes_into_names)
{
	_cleanup_free_ char *nested = NULL, *plain = NULL;
	TrustFile file = {};

	begin();
	ASSERT_OK(refresh());
	file.has_sha256 = true;
	memset(&file.sha256, 0xcd, sizeof(file.sha256));
	nested = trust_target_name(trust, "a/b/index.json", &file);
	ASSERT(text_starts_with(nested, "a/b/cdcd") && text_ends_with(nested, "cd.index.json"));
	plain = trust_target_name(trust, "file", &file);
	ASSERT(text_starts_with(plain, "cdcd") && text_ends_with(plain, "cd.file"));
}

TEST(without_consistent_snapshots_names_are_plain)
{
	_cleanup_free_ char *name = NULL;
	json_t *a;

	begin();
	set(root, "consistent_snapshot", json_false());
	trust_root_now();
	a = delegate_dir("a", KEY_A);
	list_target(a, "dir/a", 7);
	list_role("a.json", 1);
	forget(&served);
	serve("targets.json", sign(targets, KEY_TARGETS, -1));
	serve("snapshot.json", sign(snapshot, KEY_SNAPSHOT, -1));
	serve("a.json", sign(a, KEY_A, -1));
	serve_timestamp();
	check_length("dir/a", 7);
	ASSERT_STREQ(requests, "2.root.json timestamp.json snapshot.json targets.json a.json ");
	name = trust_target_name(trust, "dir/a", &(TrustFile){});
	ASSERT_STREQ(name, "dir/a");
}

/* -- short memory -- */

static int refresh_and_find(void)
{
	TrustFile file;
	int r = refresh();

	if (r == 0)
		r = trust_find(trust, &repository, "dir/a", &file, NULL);
	trust = trust_free(trust);
	return r;
}

/* The time of what follows grows with the square of the allocations. */
static void keep_only_needed_keys(void)
{
	json_t *of_root = json_object_get(root, "keys");
	json_t *of_targets = json_object_get(json_object_get(targets, "delegations"), "keys");

	set_role("root", role_of(1, 0, -1));
	for (int i = 1; i < KEYS; i++)
		if (i < KEY_TARGETS || i > KEY_TIMESTAMP)
			json_object_del(of_root, keys[i].id);
	for (int i = 0; i < KEYS; i++)
		if (i != KEY_A)
			json_object_del(of_targets, keys[i].id);
}

TEST(short_memory_is_no_verdict)
{
	json_t *a;

	begin();
	a = delegate_dir("a", KEY_A);
	list_target(a, "dir/a", 7);
	keep_only_needed_keys();
	trust_root_now();
	serve_delegated("a", a, KEY_A);
	serve_all();
	set_version(root, 2);
	serve_root();
	TEST_EACH_ALLOCATION((forget(&kept), refresh_and_find()), (void)0);
	/* and with everything kept */
	ASSERT_OK(refresh_and_find());
	TEST_EACH_ALLOCATION(refresh_and_find(), (void)0);
}
