/* SPDX-License-Identifier: Apache-2.0 */
/* What a timestamp's time of signing does for a machine whose clock is wrong. */
#include "wire/trust/test-repository.h"

#define ISSUED         "2026-05-20T00:00:00Z" /* before NOW, after EXPIRED */
#define ISSUED_SECONDS 1779235200

static void set_issued(const char *time)
{
	set(timestamp, "x-suture-issued", json_string(time));
	serve_timestamp();
}

TEST(a_clock_that_fell_back_does_not_bring_frozen_metadata_to_life)
{
	struct {
		const char *name;
		json_t **object;
	} roles[] = {{"root", &root}, {"snapshot", &snapshot}, {"targets", &targets}};

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		begin();
		client_now = 1000; /* shortly after 1970 began */
		set(*roles[i].object, "expires", json_string(EXPIRED));
		trust_root_now();
		serve_all();
		ASSERT_OK(refresh()); /* it cannot know better */
		forget(&kept);
		set_issued(ISSUED);
		refuse(-EKEYEXPIRED, roles[i].name);
		ASSERT_EQ(trust_now(trust), ISSUED_SECONDS);
		ASSERT_EQ(trust_timestamp_issued(trust), ISSUED_SECONDS);
	}
}

TEST(a_kept_timestamp_lets_a_frozen_root_expire)
{
	begin();
	set_issued(ISSUED);
	ASSERT_OK(refresh());
	client_now = 1000;
	set(root, "expires", json_string(EXPIRED));
	trust_root_now();
	refuse(-EKEYEXPIRED, "root metadata expired");
	ASSERT_STREQ(requests, "2.root.json timestamp.json ");
}

TEST(a_kept_timestamp_moves_the_clock_before_a_new_one_is_judged)
{
	begin();
	set_issued(ISSUED);
	ASSERT_OK(refresh());
	/* later the clock falls back, and the server withholds all that is new */
	client_now = 1000;
	json_object_del(timestamp, "x-suture-issued");
	set_version(timestamp, 2);
	set(timestamp, "expires", json_string(EXPIRED));
	serve_timestamp();
	refuse(-EKEYEXPIRED, "timestamp metadata expired on " EXPIRED);
	ASSERT_EQ(trust_now(trust), ISSUED_SECONDS);
	forget(&kept);
	ASSERT_OK(refresh()); /* who kept nothing knows nothing */
}

TEST(a_clock_that_is_right_is_not_moved)
{
	begin();
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_now(trust), NOW);
	ASSERT_EQ(trust_timestamp_issued(trust), 0);
	forget(&kept);
	set_issued(ISSUED);
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_now(trust), NOW);
	ASSERT_EQ(trust_timestamp_issued(trust), ISSUED_SECONDS);
}

TEST(a_forged_timestamp_does_not_move_the_clock)
{
	begin();
	client_now = 1000;
	set(timestamp, "x-suture-issued", json_string(ISSUED));
	put_json(&kept, "timestamp.json", sign(timestamp, KEY_A, -1));
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_now(trust), 1000);
	serve("timestamp.json", sign(timestamp, KEY_A, -1));
	refuse(-EKEYREJECTED, "timestamp");
	ASSERT_EQ(trust_now(trust), 1000);
}

/* Whoever stole the old key could say that the end of the world has come. */
TEST(a_kept_timestamp_under_old_keys_does_not_move_the_clock)
{
	begin();
	client_now = 1000;
	set_issued("2026-12-31T00:00:00Z");
	ASSERT_OK(refresh());
	set_version(root, 2);
	set_role("timestamp", role_of(1, KEY_A, -1));
	serve_root();
	json_object_del(timestamp, "x-suture-issued");
	serve("timestamp.json", sign(timestamp, KEY_A, -1));
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_now(trust), 1000);
}

TEST(a_malformed_time_of_signing_is_refused)
{
	_cleanup_json_ json_t *bad = json_pack("[n, i, b, s, s, s, s, {}]", 1779235200, 1, "",
		"2026-05-20", "2026-05-20T00:00:00+00:00", "2026-02-30T00:00:00Z");

	for (size_t i = 0; i < json_array_size(bad); i++) {
		begin();
		json_object_set(timestamp, "x-suture-issued", json_array_get(bad, i));
		serve_timestamp();
		refuse(-EBADMSG, "x-suture-issued is no time");
		ASSERT(!get(&kept, "timestamp.json"));
	}
}

TEST(a_timestamp_is_not_signed_after_its_expiry)
{
	begin();
	set_issued("2027-01-01T00:00:01Z");
	refuse(-EBADMSG, "later than the expiry");
	ASSERT_EQ(trust_now(trust), NOW);
	set_issued(LATER); /* possible, and of no use */
	refuse(-EKEYEXPIRED, "metadata expired on " LATER);
	ASSERT(!get(&kept, "timestamp.json"));
	set_issued("2026-12-31T23:59:59Z");
	ASSERT_OK(refresh());
}

TEST(without_a_clock_nothing_expires)
{
	begin();
	client_now = TRUST_NO_CLOCK;
	set(timestamp, "expires", json_string(EXPIRED));
	set(root, "expires", json_string(EXPIRED));
	set(targets, "expires", json_string("1970-01-01T00:00:00Z"));
	trust_root_now();
	serve_all();
	set_issued("2026-04-01T00:00:00Z");
	ASSERT_OK(refresh());
	ASSERT_EQ(trust_now(trust), TRUST_NO_CLOCK);
}
