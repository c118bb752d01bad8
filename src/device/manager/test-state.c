/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/state.h"
#include "test.h"

TEST(what_is_being_done_comes_before_all_else)
{
	static const char *const activities[] = {
		"checking", "downloading", "staging", "installing", "removing", NULL};
	StateFacts facts = {NULL, true, true, true, true};

	for (size_t i = 0; activities[i]; i++) {
		facts.activity = activities[i];
		ASSERT_STREQ(state_word(&facts), activities[i]);
	}
}

TEST(without_an_activity_the_most_urgent_fact_counts)
{
	StateFacts facts = {"", true, true, true, true};

	ASSERT_STREQ(state_word(&facts), "trial");
	facts.is_on_trial = false;
	ASSERT_STREQ(state_word(&facts), "restart-required");
	facts.needs_restart = false;
	ASSERT_STREQ(state_word(&facts), "available");
	facts.is_offered = false;
	ASSERT_STREQ(state_word(&facts), "failed");
	facts.check_failed = false;
	ASSERT_STREQ(state_word(&facts), "idle");
	facts.activity = NULL;
	ASSERT_STREQ(state_word(&facts), "idle");
}

TEST(an_activity_that_is_not_known_is_none)
{
	static const char *const others[] = {"dancing", "trial", "idle", "failed", "Checking"};
	StateFacts facts = {.is_offered = true};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		facts.activity = others[i];
		ASSERT_STREQ(state_word(&facts), "available");
	}
}
