/* SPDX-License-Identifier: Apache-2.0 */
/* What a targets role says of others: paths by hash, succinct roles, malformed ones. How a search
 * walks through the roles is in test-search.c. */
#include "wire/trust/delegation.h"

#include "wire/trust/test-repository.h"

/* SHA-256 of the path "dir/x" */
#define HASH_OF_X "8128b0ece7698dce75413696bca60815824cae5c770b8898f863b1df78ca34c6"

static json_t *delegate_by_hash(const char *name, int key, const char *prefix)
{
	json_t *role = delegate(targets, name, role_of(1, key, -1), "");

	json_object_del(role, "paths");
	set(role, "path_hash_prefixes", json_pack("[s]", prefix));
	return role;
}

TEST(paths_are_delegated_by_the_first_digits_of_their_hash)
{
	static const struct {
		const char *prefix;
		bool matches;
	} cases[] = {{"", true}, {"8", true}, {"812", true}, {HASH_OF_X, true}, {"8120", false},
		{HASH_OF_X "0", false}, {"128b0ece7698", false}, {&HASH_OF_X[1], false},
		{"8128B0ECE769", false}, {"dir/", false}, {"x", false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *a;

		begin();
		delegate_by_hash("a", KEY_A, cases[i].prefix);
		a = targets_body();
		list_target(a, "dir/x", 5);
		serve_delegated("a", a, KEY_A);
		serve_all();
		if (cases[i].matches)
			check_length("dir/x", 5);
		else
			refuse_find(-ENOENT, "dir/x", "not in the repository");
	}
}

TEST(one_of_several_hash_prefixes_is_enough)
{
	json_t *a, *role;

	begin();
	role = delegate_by_hash("a", KEY_A, "00000000");
	json_array_append_new(json_object_get(role, "path_hash_prefixes"), json_string("812"));
	a = targets_body();
	list_target(a, "dir/x", 5);
	serve_delegated("a", a, KEY_A);
	serve_all();
	check_length("dir/x", 5);
}

static json_t *succinct(int bits, const char *prefix, int key)
{
	json_t *role = role_of(1, key, -1);

	set(role, "bit_length", json_integer(bits));
	set(role, "name_prefix", json_string(prefix));
	return role;
}

static void delegate_succinctly(json_t *role)
{
	json_t *list = json_object();

	for (int i = 0; i < KEYS; i++)
		json_object_set(list, keys[i].id, keys[i].object);
	set(targets, "delegations", json_pack("{s:o, s:o}", "keys", list, "succinct_roles", role));
}

TEST(a_succinct_role_sends_each_path_to_the_bin_of_its_hash)
{
	static const struct {
		int bits;
		const char *role;
	} cases[] = {{1, "bin-1"}, {4, "bin-8"}, {5, "bin-10"}, {8, "bin-81"}, {10, "bin-204"},
		{31, "bin-40945876"}, {32, "bin-8128b0ec"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *bin;

		begin();
		delegate_succinctly(succinct(cases[i].bits, "bin", KEY_A));
		bin = targets_body();
		list_target(bin, "dir/x", 5);
		serve_delegated(cases[i].role, bin, KEY_B);
		serve_all();
		refuse_find(-EKEYREJECTED, "dir/x", "signed by 0 of the 1 keys");
		serve_delegated(cases[i].role, bin, KEY_A);
		check_length("dir/x", 5);
		/* one role is asked for, of up to 2^32 */
		ASSERT(!strstr(strstr(requests, "bin-") + 1, "bin-"));
	}
}

TEST(a_bin_of_a_succinct_role_is_the_end_of_the_search)
{
	json_t *a, *bin;

	begin();
	a = delegate_dir("a", KEY_A);
	delegate(targets, "b", role_of(1, KEY_B, -1), "dir/*");
	set(a, "delegations",
		json_pack("{s:O, s:o}", "keys",
			json_object_get(json_object_get(targets, "delegations"), "keys"),
			"succinct_roles", succinct(1, "bin", KEY_C)));
	bin = targets_body();
	list_target(bin, "dir/other", 5);
	serve_delegated("a", a, KEY_A);
	serve_delegated("bin-1", bin, KEY_C);
	serve_delegated("b", targets, KEY_B); /* lists dir/file, and is not reached */
	list_target(targets, "dir/x", 6);
	serve_all();
	check_length("dir/x", 6); /* targets itself comes first */
	json_object_del(json_object_get(targets, "targets"), "dir/x");
	forget(&kept);
	serve_all();
	refuse_find(-ENOENT, "dir/x", "not in the repository");
	ASSERT(strstr(requests, "1.bin-1.json") && !strstr(requests, "1.b.json"));
}

TEST(only_the_bins_of_a_succinct_role_are_delegated_to)
{
	static const char *const bad[] = {"bin", "bin-", "bin-0", "bin-00", "bin-0000", "bin-400",
		"bin-3FF", "bin-+01", "bin- 01", "bin-3g0", "bim-3ff", "Bin-3ff", "3ff", "",
		"bin-3ff "};
	const char *name;

	begin();
	delegate_succinctly(succinct(10, "bin", KEY_A));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (delegation_signers(targets, bad[i]))
			test_fail(__FILE__, __LINE__, "'%s' passes for a bin", bad[i]);
	name = json_string_value(
		json_object_get(delegation_signers(targets, "bin-3ff"), "name_prefix"));
	ASSERT_STREQ(name, "bin");
	ASSERT(delegation_signers(targets, "bin-000"));
}

static void refuse_delegations(json_t *delegations)
{
	Reason why = {};

	set(targets, "delegations", delegations);
	ASSERT_ERROR(-EBADMSG, delegation_check(targets, "targets", &why));
	ASSERT(text_starts_with(why.text, "targets metadata"));
}

/* A text with ' for ", as a delegations object with `keys` in it. */
static json_t *read_delegations(const char *members)
{
	_cleanup_free_ char *text = memory_printf("{'keys':{},%s}", members);
	json_t *object = NULL;

	for (char *at = text; (at = strchr(at, '\'')); at++)
		*at = '"';
	ASSERT_OK(document_parse(text, strlen(text), &object, NULL));
	return object;
}

#define SIGNERS "'keyids':['a'],'threshold':1"

TEST(malformed_delegations_are_refused)
{
	static const char *const bad[] = {"'roles':null", "'roles':{}", "'roles':[1]",
		"'roles':[{}]", "'roles':[{'name':1," SIGNERS ",'paths':[]}]",
		"'roles':[{'name':'a','paths':[]}]",
		"'roles':[{'name':'a','keyids':['a'],'paths':[]}]",
		"'roles':[{'name':'a','keyids':[1],'threshold':1,'paths':[]}]",
		"'roles':[{'name':'a'," SIGNERS "}]",
		"'roles':[{'name':'a'," SIGNERS ",'paths':'*'}]",
		"'roles':[{'name':'a'," SIGNERS ",'paths':['*',1]}]",
		"'roles':[{'name':'a'," SIGNERS ",'path_hash_prefixes':[1]}]",
		"'roles':[{'name':'a'," SIGNERS ",'path_hash_prefixes':{}}]",
		"'roles':[{'name':'a'," SIGNERS ",'paths':[],'path_hash_prefixes':[]}]",
		"'roles':[{'name':'a'," SIGNERS ",'paths':[],'terminating':1}]",
		"'roles':[{'name':'a'," SIGNERS ",'paths':[]},{'name':'a'," SIGNERS ",'paths':[]}]",
		"'roles':[],'succinct_roles':{" SIGNERS ",'bit_length':1,'name_prefix':'b'}",
		"'succinct_roles':null", "'succinct_roles':{}",
		"'succinct_roles':{'bit_length':1,'name_prefix':'b'}",
		"'succinct_roles':{" SIGNERS ",'bit_length':0,'name_prefix':'b'}",
		"'succinct_roles':{" SIGNERS ",'bit_length':33,'name_prefix':'b'}",
		"'succinct_roles':{" SIGNERS ",'bit_length':-1,'name_prefix':'b'}",
		"'succinct_roles':{" SIGNERS ",'bit_length':4294967297,'name_prefix':'b'}",
		"'succinct_roles':{" SIGNERS ",'bit_length':'1','name_prefix':'b'}",
		"'succinct_roles':{" SIGNERS ",'bit_length':1,'name_prefix':''}",
		"'succinct_roles':{" SIGNERS ",'bit_length':1,'name_prefix':1}",
		"'succinct_roles':{" SIGNERS ",'bit_length':1}", "'other':1"};
	_cleanup_free_ char *prefix = memory_new(TRUST_ROLE_NAME_MAX + 1);

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuse_delegations(read_delegations(bad[i]));
	memset(prefix, 'b', TRUST_ROLE_NAME_MAX);
	refuse_delegations(
		json_pack("{s:{}, s:o}", "keys", "succinct_roles", succinct(8, prefix, KEY_A)));
	refuse_delegations(json_null());
	refuse_delegations(json_pack("{s:[]}", "roles"));
	refuse_delegations(json_pack("{s:[], s:[]}", "keys", "roles"));
}

TEST(delegations_may_be_empty_or_absent)
{
	begin();
	ASSERT_OK(delegation_check(targets, "targets", NULL));
	set(targets, "delegations", read_delegations("'roles':[],'x-note':[1]"));
	ASSERT_OK(delegation_check(targets, "targets", NULL));
	set(targets, "delegations",
		read_delegations("'roles':[{'name':'a'," SIGNERS ",'paths':[],'x':1}]"));
	ASSERT_OK(delegation_check(targets, "targets", NULL));
}

/* 100,000 patterns in one role, each of which nearly matches */
TEST(many_patterns_cost_bounded_time)
{
	json_t *role, *paths = json_array();
	uint64_t start;
	size_t cursor = 0;
	bool terminating;
	char *name;

	begin();
	role = delegate(targets, "a", role_of(1, KEY_A, -1), "");
	for (int i = 0; i < 100000; i++)
		json_array_append_new(paths, json_string("*/*a*a*a*a*a*b"));
	set(role, "paths", paths);
	start = time_monotonic_us();
	ASSERT_ERROR(-ENOENT,
		delegation_next(targets, "dir/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &cursor,
			&name, &terminating));
	ASSERT(time_monotonic_us() - start < 5000000);
}
