/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "face/notify/message.h"
#include "test.h"
#include "wire/json/document.h"

static bool make_at(int64_t time, const char *text, Told told, Message *message)
{
	_cleanup_json_ json_t *status = NULL;

	ASSERT_OK(document_parse(text, strlen(text), &status, NULL));
	return message_make(status, &told, time, message);
}

static bool make(const char *text, Told told, Message *message)
{
	return make_at(0, text, told, message);
}

TEST(what_was_installed_is_told_once)
{
	Message message;

	ASSERT(make("{\"label\":\"26.3.1 (a)\",\"sequence\":1,\"selected\":1,\"fixes\":[\"CVE-1\","
		    "\"CVE-2\",\"CVE-3\",\"CVE-4\",\"CVE-5\",\"CVE-6\"]}",
		(Told){}, &message));
	ASSERT_STREQ(message.title, "26.3.1 (a) was installed");
	ASSERT_STREQ(message.text, "It fixes CVE-1, CVE-2, CVE-3, CVE-4 and 2 more.");
	ASSERT(!message.is_urgent);
	ASSERT(!make("{\"label\":\"26.3.1 (a)\",\"sequence\":1,\"selected\":1}",
		(Told){.applied = 1}, &message));
}

TEST(what_waits_for_a_restart_is_told)
{
	Message message;

	ASSERT(make("{\"sequence\":0,\"selected\":2,\"selected_label\":\"26.3.1 (b)\","
		    "\"selected_fixes\":[\"CVE-1\"]}",
		(Told){}, &message));
	ASSERT_STREQ(message.title, "26.3.1 (b) waits for a restart");
	ASSERT(!make("{\"sequence\":0,\"selected\":2}", (Told){.pending = 2}, &message));
	ASSERT(make("{\"sequence\":0,\"selected\":2,\"selected_label\":\"26.3.1 (b)\","
		    "\"restart_at\":\"2026-11-22T05:58:42Z\"}",
		(Told){.pending = 2}, &message));
	ASSERT(message.is_urgent);
	ASSERT(strstr(message.title, "This system restarts at "));
}

TEST(what_was_taken_off_is_told_with_its_reason)
{
	Message message;

	ASSERT(make("{\"label\":\"26.3.1\",\"sequence\":0,\"selected\":0,"
		    "\"reverted\":{\"why\":\"nginx.service failed\"}}",
		(Told){.applied = 1}, &message));
	ASSERT_STREQ(message.title, "This system is 26.3.1 again");
	ASSERT_STREQ(message.text, "The improvement was taken off: nginx.service failed.");
}

TEST(the_policy_says_who_is_told)
{
	const char *none = "{\"sequence\":1,\"selected\":1,\"policy\":{\"notify\":\"none\"}}";
	const char *deadline =
		"{\"sequence\":1,\"selected\":1,\"policy\":{\"notify\":\"deadline-only\"}}";
	const char *near =
		"{\"sequence\":1,\"selected\":1,\"policy\":{\"notify\":\"deadline-only\","
		"\"enforcement\":{\"deadline\":\"2026-11-22T05:58:42Z\"}}}";
	Message message;

	ASSERT(!make(none, (Told){}, &message));
	ASSERT(!make(deadline, (Told){}, &message));
	ASSERT(make(near, (Told){}, &message));
	ASSERT(message.is_urgent);
}

/* 1764000000 is 2025-11-24T16:00:00Z. */
TEST(a_deadline_is_told_at_each_of_its_warnings)
{
	static const char *text = "{\"offer\":{\"sequence\":2,\"label\":\"26.3.1 "
				  "(b)\"},\"policy\":{\"notify\":\"deadline-"
				  "only\",\"organisation\":\"Example "
				  "Ltd\",\"enforcement\":{\"improvement\":\"26.3.1-a\","
				  "\"sequence\":2,\"deadline\":\"2025-11-24T18:00:00Z\","
				  "\"warnings\":[\"2025-11-24T16:00:00Z\","
				  "\"2025-11-24T17:00:00Z\",\"x\",7]}}}";
	_cleanup_json_ json_t *status = NULL;
	Message message;

	ASSERT(!make_at(1763999999, text, (Told){}, &message));
	ASSERT(make_at(1764000000, text, (Told){}, &message));
	ASSERT(strstr(message.title, "26.3.1 (b) will be installed by "));
	ASSERT(strstr(message.text, "Example Ltd requires it."));
	ASSERT(message.is_urgent);
	ASSERT(!make_at(1764003599, text, (Told){.warned = 1764000000}, &message));
	ASSERT(make_at(1764003600, text, (Told){.warned = 1764000000}, &message));
	ASSERT_OK(document_parse(text, strlen(text), &status, NULL));
	ASSERT_EQ(message_next(status, 0), 1764000000);
	ASSERT_EQ(message_next(status, 1764000000), 1764003600);
	ASSERT_EQ(message_next(status, 1764003600), 0);
}

TEST(a_status_that_says_nothing_is_no_news)
{
	Message message;

	ASSERT(!make("{}", (Told){}, &message));
	ASSERT(!make("{\"sequence\":-1,\"selected\":\"x\",\"fixes\":7}", (Told){}, &message));
}
