/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "face/notify/message.h"
#include "test.h"
#include "wire/json/document.h"

static bool make(const char *text, Told told, Message *message)
{
	_cleanup_json_ json_t *status = NULL;

	ASSERT_OK(document_parse(text, strlen(text), &status, NULL));
	return message_make(status, &told, message);
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

TEST(a_status_that_says_nothing_is_no_news)
{
	Message message;

	ASSERT(!make("{}", (Told){}, &message));
	ASSERT(!make("{\"sequence\":-1,\"selected\":\"x\",\"fixes\":7}", (Told){}, &message));
}
