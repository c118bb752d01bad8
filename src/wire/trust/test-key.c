/* SPDX-License-Identifier: Apache-2.0 */
/* Who signed. Mistakes that others made before us have their number beside them. */
#include <openssl/core_names.h>

#include "wire/trust/test-repository.h"

/* -- thresholds -- */

/* CVE-2020-6174 (python-tuf), CVE-2020-15093 (tough) */
TEST(one_key_that_signs_twice_counts_once)
{
	begin();
	set_version(root, 2);
	serve("2.root.json", sign(root, 0, 0, 0, -1));
	refuse(-EBADMSG, "root metadata has two signatures under one keyid");
	serve("2.root.json", sign(root, 0, -1));
	refuse(-EKEYREJECTED, "root: signed by 1 of the 2 keys");
}

/* Section 4.2: the keyid MUST be unique in the array; the others' signatures do not mend it. */
TEST(two_signatures_under_one_keyid_are_refused_even_if_enough_are_good)
{
	json_t *envelope;

	begin();
	serve("1.snapshot.json", sign(snapshot, KEY_SNAPSHOT, KEY_SNAPSHOT, -1));
	refuse(-EBADMSG, "snapshot metadata has two signatures under one keyid");
	envelope = sign(snapshot, KEY_SNAPSHOT, KEY_A, KEY_A, -1); /* A is nobody here */
	serve("1.snapshot.json", envelope);
	refuse(-EBADMSG, "snapshot metadata has two signatures under one keyid");
	ASSERT(!get(&kept, "snapshot.json"));
	serve("1.snapshot.json", sign(snapshot, KEY_SNAPSHOT, KEY_A, -1));
	ASSERT_OK(refresh());
}

/* GHSA-3633-5h82-39pq (go-tuf) */
TEST(one_key_under_two_keyids_counts_once)
{
	json_t *twin, *envelope, *second;
	char id[DIGEST_TEXT_SIZE];

	begin();
	twin = json_deep_copy(keys[KEY_TARGETS].object);
	set(twin, "note", json_string("the same key under another keyid"));
	id_of(twin, id);
	set(json_object_get(root, "keys"), id, twin);
	set_role("targets",
		json_pack("{s:[s, s], s:i}", "keyids", keys[KEY_TARGETS].id, id, "threshold", 2));
	trust_root_now();
	envelope = sign(targets, KEY_TARGETS, KEY_TARGETS, -1);
	second = json_array_get(json_object_get(envelope, "signatures"), 1);
	set(second, "keyid", json_string(id));
	serve("1.targets.json", envelope);
	refuse(-EKEYREJECTED, "targets: signed by 1 of the 2 keys");
	/* under either keyid alone it is good */
	set_role("targets",
		json_pack("{s:[s, s], s:i}", "keyids", keys[KEY_TARGETS].id, id, "threshold", 1));
	trust_root_now();
	ASSERT_OK(refresh());
}

/* CVE-2026-23992 (go-tuf) */
TEST(a_threshold_below_one_is_malformed)
{
	_cleanup_json_ json_t *thresholds = json_pack(
		"[i, i, I, n, s, b, o]", 0, -1, (json_int_t)INT64_MIN, "1", 1, json_array());

	for (size_t i = 0; i < json_array_size(thresholds); i++) {
		json_t *role, *a;

		begin();
		role = role_of(1, KEY_TARGETS, -1);
		json_object_set(role, "threshold", json_array_get(thresholds, i));
		set_role("targets", role);
		trust_root_now();
		refuse(-EBADMSG, "does not say who signs the role targets");
		begin();
		a = delegate(targets, "a", role_of(1, KEY_A, -1), "dir/*");
		json_object_set(a, "threshold", json_array_get(thresholds, i));
		serve_all();
		refuse(-EBADMSG, "the delegation to a is malformed");
	}
}

TEST(a_threshold_that_is_no_integer_cannot_be_signed)
{
	static const char *const reals[] = {"1.0", "1e0", "0.5"};

	for (size_t i = 0; i < ARRAY_SIZE(reals); i++) {
		_cleanup_free_ char *text =
			memory_printf("{\"signatures\":[],\"signed\":{\"_type\":\"root\","
				      "\"spec_version\":\"1.0.0\",\"version\":2,\"expires\":"
				      "\"" LATER "\",\"threshold\":%s}}",
				reals[i]);

		begin();
		ASSERT_OK(put(&served, "2.root.json", text, strlen(text)));
		refuse(-EBADMSG, "root: holds a number that cannot be signed");
	}
}

/* Junk under one keyid is malformed; under many it is refused by its number alone. */
static void refuse_junk(size_t count)
{
	json_t *signatures = json_array();
	uint64_t start;

	for (size_t i = 0; i < count; i++) {
		char id[24];

		snprintf(id, sizeof(id), "%zx", i);
		json_array_append_new(signatures, json_pack("{s:s, s:s}", "keyid", id, "sig", ""));
	}
	serve("1.targets.json",
		json_pack("{s:o, s:O}", "signatures", signatures, "signed", targets));
	start = time_monotonic_us();
	refuse(-EBADMSG, "targets metadata has more than 256 signatures");
	ASSERT(time_monotonic_us() - start < 5000000);
}

/* CVE-2020-6173 (python-tuf) */
TEST(thousands_of_junk_signatures_cost_little)
{
	begin();
	refuse_junk(KEY_COUNT_MAX + 1);
	refuse_junk(50000);
}

/* A million fits into no file that is fetched: what is over the limit of bytes is not even read. */
TEST(a_million_signatures_are_more_bytes_than_any_role_may_have)
{
	ASSERT(1000000 * strlen("{\"keyid\":\"\"}") > TRUST_TARGETS_SIZE_MAX);
}

TEST(as_many_signatures_as_a_role_may_have_keys_are_looked_at)
{
	json_t *envelope, *signatures;

	begin();
	envelope = sign(targets, KEY_TARGETS, -1);
	signatures = json_object_get(envelope, "signatures");
	for (int i = 1; i < KEY_COUNT_MAX; i++) {
		char id[24];

		snprintf(id, sizeof(id), "%x", i);
		json_array_insert_new(
			signatures, 0, json_pack("{s:s, s:s}", "keyid", id, "sig", ""));
	}
	serve("1.targets.json", envelope);
	ASSERT_OK(refresh());
}

TEST(a_role_names_a_bounded_number_of_keys)
{
	json_t *role, *keyids;

	begin();
	role = role_of(1, KEY_TARGETS, -1);
	keyids = json_object_get(role, "keyids");
	while (json_array_size(keyids) < KEY_COUNT_MAX)
		json_array_append_new(keyids, json_string("nobody"));
	set_role("targets", role);
	trust_root_now();
	ASSERT_OK(refresh());
	json_array_append_new(keyids, json_string("nobody"));
	trust_root_now();
	refuse(-EBADMSG, "does not say who signs the role targets");
}

TEST(only_the_keys_of_the_role_count)
{
	begin();
	serve("1.targets.json", sign(targets, 0, 1, 2, KEY_SNAPSHOT, KEY_TIMESTAMP, -1));
	refuse(-EKEYREJECTED, "targets: signed by 0 of the 1 keys");
}

TEST(a_key_counts_under_the_id_of_all_its_members_only)
{
	json_t *key, *list;
	char id[DIGEST_TEXT_SIZE], old_id[DIGEST_TEXT_SIZE];
	int r;

	begin();
	memcpy(old_id, keys[KEY_TARGETS].id, sizeof(old_id));
	list = json_object_get(root, "keys");
	key = json_deep_copy(keys[KEY_TARGETS].object);
	set(key, "keyid_hash_algorithms", json_string("md5"));
	json_object_set(list, keys[KEY_TARGETS].id, key); /* under its old id */
	trust_root_now();
	refuse(-EKEYREJECTED, "targets: signed by 0 of the 1 keys");
	/* another key under an id that is listed */
	json_object_set(list, keys[KEY_TARGETS].id, keys[KEY_A].object);
	trust_root_now();
	refuse(-EKEYREJECTED, "targets: signed by 0 of the 1 keys");
	/* under its own id */
	id_of(key, id);
	set(list, id, key);
	set_role("targets", json_pack("{s:[s], s:i}", "keyids", id, "threshold", 1));
	trust_root_now();
	memcpy(keys[KEY_TARGETS].id, id, sizeof(id));
	serve_all();
	r = refresh();
	memcpy(keys[KEY_TARGETS].id, old_id, sizeof(old_id)); /* the tests share their keys */
	ASSERT_OK(r);
}

/* -- kinds of keys -- */

TEST(all_kinds_of_keys_that_the_specification_names_can_sign)
{
	begin();
	set_role("targets", role_of(3, KEY_A, KEY_P256, KEY_RSA, -1));
	set_role("snapshot", role_of(2, KEY_P256, KEY_RSA, -1));
	trust_root_now();
	serve("1.snapshot.json", sign(snapshot, KEY_RSA, KEY_P256, -1));
	serve("1.targets.json", sign(targets, KEY_A, KEY_RSA, -1));
	refuse(-EKEYREJECTED, "targets: signed by 2 of the 3 keys");
	serve("1.targets.json", sign(targets, KEY_RSA, KEY_P256, KEY_A, -1));
	ASSERT_OK(refresh());
}

TEST(the_old_name_of_the_type_of_ecdsa_keys_still_counts)
{
	char id[DIGEST_TEXT_SIZE];
	json_t *legacy, *envelope;

	begin();
	legacy = json_deep_copy(keys[KEY_P256].object);
	set(legacy, "keytype", json_string("ecdsa-sha2-nistp256"));
	id_of(legacy, id);
	set(json_object_get(root, "keys"), id, legacy);
	set_role("targets", json_pack("{s:[s], s:i}", "keyids", id, "threshold", 1));
	trust_root_now();
	envelope = sign(targets, KEY_P256, -1);
	set(json_array_get(json_object_get(envelope, "signatures"), 0), "keyid", json_string(id));
	serve("1.targets.json", envelope);
	ASSERT_OK(refresh());
}

TEST(a_signature_of_one_kind_is_none_of_another)
{
	static const int others[] = {KEY_A, KEY_P256, KEY_RSA};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		for (size_t j = 0; j < ARRAY_SIZE(others); j++) {
			json_t *envelope;

			begin();
			set_role("targets", role_of(1, others[i], -1));
			trust_root_now();
			envelope = sign(targets, others[j], -1);
			set(json_array_get(json_object_get(envelope, "signatures"), 0), "keyid",
				json_string(keys[others[i]].id));
			serve("1.targets.json", envelope);
			ASSERT_EQ(refresh(), i == j ? 0 : -EKEYREJECTED);
		}
}

/* Lists a second key object for the holder of KEY_P256, who then signs under both names. */
static void sign_under_twin(json_t *twin)
{
	char id[DIGEST_TEXT_SIZE];
	json_t *envelope;

	id_of(twin, id);
	set(json_object_get(root, "keys"), id, twin);
	set_role("targets",
		json_pack("{s:[s, s], s:i}", "keyids", keys[KEY_P256].id, id, "threshold", 2));
	trust_root_now();
	envelope = sign(targets, KEY_P256, KEY_P256, -1);
	set(json_array_get(json_object_get(envelope, "signatures"), 1), "keyid", json_string(id));
	serve("1.targets.json", envelope);
	refuse(-EKEYREJECTED, "targets: signed by 1 of the 2 keys");
}

/* GHSA-3633-5h82-39pq (go-tuf), in disguise */
TEST(one_point_in_two_spellings_counts_once)
{
	EVP_PKEY *compressed;
	json_t *twin;

	begin();
	compressed = EVP_PKEY_dup(keys[KEY_P256].pkey);
	ASSERT_EQ(EVP_PKEY_set_utf8_string_param(
			  compressed, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
		1);
	twin = key_object(compressed);
	EVP_PKEY_free(compressed);
	ASSERT(!json_equal(twin, keys[KEY_P256].object));
	sign_under_twin(twin);
	begin();
	twin = json_deep_copy(keys[KEY_P256].object);
	set(twin, "keytype", json_string("ecdsa-sha2-nistp256"));
	sign_under_twin(twin);
}

TEST(a_key_of_an_unknown_type_is_passed_over)
{
	json_t *key;
	char id[DIGEST_TEXT_SIZE];

	begin();
	key = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "lattice", "scheme", "lattice-9",
		"keyval", "public", "00");
	id_of(key, id);
	set(json_object_get(root, "keys"), id, key);
	set_role("targets",
		json_pack("{s:[s, s], s:i}", "keyids", id, keys[KEY_TARGETS].id, "threshold", 1));
	trust_root_now();
	ASSERT_OK(refresh());
}

#define KEY_TEXT(type, scheme, keyval)                                                             \
	"{\"keytype\":\"" type "\",\"scheme\":\"" scheme "\",\"keyval\":" keyval "}"

TEST(a_malformed_key_is_passed_over)
{
	static const char *const texts[] = {"{}", "[]", "1", "{\"keytype\":1}",
		KEY_TEXT("ed25519", "ed25519", "[]"), KEY_TEXT("ed25519", "ed25519", "{}"),
		KEY_TEXT("ed25519", "ed25519", "{\"public\":\"zz\"}"),
		KEY_TEXT("ecdsa", "ecdsa-sha2-nistp256", "{\"public\":1}"),
		KEY_TEXT("rsa", "rsassa-pss-sha256", "{\"public\":\"\"}")};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		begin();
		set(json_object_get(root, "keys"), keys[KEY_A].id,
			json_loads(texts[i], JSON_DECODE_ANY, NULL));
		set_role("targets", role_of(1, KEY_A, KEY_TARGETS, -1));
		trust_root_now();
		serve("1.targets.json", sign(targets, KEY_A, -1));
		refuse(-EKEYREJECTED, "targets: signed by 0 of the 1 keys");
		serve("1.targets.json", sign(targets, KEY_A, KEY_TARGETS, -1));
		ASSERT_OK(refresh());
	}
}

/* tuf-on-ci leaves the text of who has not signed yet empty. */
TEST(a_malformed_signature_does_not_spoil_the_others)
{
	static const char *const texts[] = {
		"\"\"", "\"zz\"", "\"0\"", "\"00\"", "null", "[]", "{}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *envelope;

		begin();
		set_role("targets", role_of(1, KEY_TARGETS, KEY_A, KEY_RSA, -1));
		trust_root_now();
		envelope = sign(targets, KEY_RSA, KEY_A, KEY_TARGETS, -1);
		for (size_t j = 0; j < 2; j++)
			set(json_array_get(json_object_get(envelope, "signatures"), j), "sig",
				json_loads(texts[i], JSON_DECODE_ANY, NULL));
		serve("1.targets.json", envelope);
		ASSERT_OK(refresh());
	}
}

TEST(a_huge_signature_is_passed_over)
{
	_cleanup_free_ char *text = memory_new(1000001);
	json_t *envelope;

	begin();
	memset(text, 'a', 1000000);
	envelope = sign(targets, KEY_TARGETS, -1);
	json_array_append_new(json_object_get(envelope, "signatures"),
		json_pack("{s:s, s:s}", "keyid", keys[KEY_A].id, "sig", text));
	serve("1.targets.json", envelope);
	ASSERT_OK(refresh());
}

TEST(signatures_are_a_list_of_objects_with_a_keyid)
{
	static const char *const texts[] = {"{}", "null", "\"\"", "[1]", "[[]]", "[null]", "[{}]",
		"[{\"sig\":\"\"}]", "[{\"keyid\":1,\"sig\":\"\"}]"};

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		serve("1.targets.json",
			json_pack("{s:o, s:O}", "signatures",
				json_loads(texts[i], JSON_DECODE_ANY, NULL), "signed", targets));
		refuse(-EBADMSG, "targets metadata has");
	}
	serve("1.targets.json", json_pack("{s:O}", "signed", targets));
	refuse(-EBADMSG, "targets metadata has no list of signatures");
}

TEST(other_members_of_the_envelope_are_ignored)
{
	json_t *envelope;

	begin();
	envelope = sign(targets, KEY_TARGETS, -1);
	set(envelope, "note", json_pack("{s:f}", "unsigned", 1.5));
	serve("1.targets.json", envelope);
	ASSERT_OK(refresh());
}

/* CVE-2026-6966 (tough) */
TEST(one_key_counts_once_in_delegations_too)
{
	json_t *a;

	begin();
	delegate(targets, "a", role_of(2, KEY_A, KEY_B, -1), "dir/*");
	a = targets_body();
	list_target(a, "dir/a", 7);
	serve_delegated("a", a, KEY_A);
	serve("1.a.json", sign(a, KEY_A, KEY_A, -1));
	serve_all();
	refuse_find(-EBADMSG, "dir/a", "a metadata has two signatures under one keyid");
	serve("1.a.json", sign(a, KEY_A, -1));
	refuse_find(-EKEYREJECTED, "dir/a", "a: signed by 1 of the 2 keys");
	serve("1.a.json", sign(a, KEY_A, KEY_B, -1));
	check_length("dir/a", 7);
}
