/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "device/fetch/header.h"
#include "test.h"

static int take(Headers *headers, const char *line)
{
	return headers_take(headers, line, strlen(line));
}

TEST(fields_are_found_whatever_their_case_and_blanks)
{
	static const char *const lines[] = {"ETag: \"abc\"\r\n", "etag:\"abc\"\r\n",
		"ETAG: \t \"abc\" \t\r\n", "ETag: \"abc\""};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		Headers headers = {};

		ASSERT_OK(take(&headers, lines[i]));
		ASSERT_STREQ(headers.etag, "\"abc\"");
	}
}

TEST(other_fields_tell_nothing)
{
	static const char *const lines[] = {"ETags: \"a\"\r\n", "X-ETag: \"a\"\r\n", "ETag\r\n",
		"ETag : \"a\"\r\n", "\r\n", "", ":", ": x", "HTTP/1.1 200 ETag: \"a\"\r\n",
		"Content-Encoding:\r\n", "Retry-After: \r\n"};
	Headers headers = {};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		ASSERT_OK(take(&headers, lines[i]));
	ASSERT_STREQ(headers.etag, "");
	ASSERT_STREQ(headers.encoding, "");
	ASSERT(!headers.has_range);
	ASSERT_EQ(headers.retry_after_s, 0);
	ASSERT_EQ(headers.lines, ARRAY_SIZE(lines));
}

TEST(tags_that_cannot_be_sent_back_are_dropped)
{
	char line[FETCH_ETAG_MAX + 20] = "ETag: ";
	Headers headers = {};

	memset(line + 6, 'e', FETCH_ETAG_MAX);
	line[6] = line[5 + FETCH_ETAG_MAX] = '"';
	ASSERT_OK(take(&headers, line));
	ASSERT_EQ(strlen(headers.etag), FETCH_ETAG_MAX);
	headers = (Headers){};
	line[5 + FETCH_ETAG_MAX] = 'e';
	line[6 + FETCH_ETAG_MAX] = '"';
	ASSERT_OK(take(&headers, line));
	ASSERT_OK(take(&headers, "ETag: \"a b\"\r\n"));
	ASSERT_OK(take(&headers, "ETag: \"a\x01\"\r\n"));
	ASSERT_ERROR(-EBADMSG, headers_take(&headers, "ETag: \"a\0\"\r\n", 12));
	ASSERT_STREQ(headers.etag, "");
}

TEST(only_a_tag_that_means_one_answer_is_taken)
{
	static const char *const bad[] = {"*", "\"a\",\"b\"", "a", "\"", "\"a", "a\"", "\"a\"b",
		"W/", "W/*", "w/\"a\"", "W/a"};
	Headers headers = {};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char line[40];

		snprintf(line, sizeof(line), "ETag: %s\r\n", bad[i]);
		ASSERT_OK(take(&headers, line));
		if (headers.etag[0])
			test_fail(bad[i], 0, "was accepted");
	}
	ASSERT_OK(take(&headers, "ETag: \"\"\r\n"));
	ASSERT_STREQ(headers.etag, "\"\"");
	ASSERT_OK(take(&headers, "ETag: W/\"a\"\r\n"));
	ASSERT_STREQ(headers.etag, "W/\"a\"");
}

TEST(ranges_are_read_strictly)
{
	static const char *const bad[] = {"bytes 5-9", "bytes 9-5/20", "bytes 5-9/9", "bytes */20",
		"bytes=5-9/20", "items 5-9/20", "bytes 05-9/20", "bytes -9/20", "bytes 5-/20",
		"bytes 5-9/", "bytes 5-9/x", "bytes 5/9-20", "bytes 5-9/20, bytes 1-2/20",
		"bytes 5-18446744073709551616/*", "bytes 5-9223372036854775807/*", "5-9/20", ""};
	Headers headers = {};

	ASSERT_OK(take(&headers, "Content-Range: bytes 5-9/20\r\n"));
	ASSERT(headers.has_range);
	ASSERT_EQ(headers.range_first, 5);
	ASSERT_EQ(headers.range_last, 9);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char line[100];

		snprintf(line, sizeof(line), "Content-Range: %s\r\n", bad[i]);
		ASSERT_OK(take(&headers, line));
		if (headers.has_range)
			test_fail(bad[i], 0, "was accepted");
		ASSERT_OK(take(&headers, "Content-Range: Bytes 0-0/*\r\n"));
		ASSERT(headers.has_range);
	}
}

TEST(every_packing_shows)
{
	static const struct {
		const char *line, *encoding;
	} cases[] = {{"Content-Encoding: gzip\r\n", "gzip"}, {"Content-Encoding: identity\r\n", ""},
		{"content-encoding: Identity, br\r\n", "br"},
		{"Content-Encoding: br,identity\r\n", "br"}, {"Transfer-Encoding: chunked\r\n", ""},
		{"Transfer-Encoding: gzip, chunked", "gzip"},
		{"Content-Encoding: "
		 "a-name-that-is-much-longer-than-any-encoding-that-was-ever-registered",
			"a-name-that-is-much-longer-than"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Headers headers = {};

		ASSERT_OK(take(&headers, cases[i].line));
		ASSERT_STREQ(headers.encoding, cases[i].encoding);
		ASSERT_OK(take(&headers, "Content-Encoding: identity\r\n"));
		ASSERT_STREQ(headers.encoding, cases[i].encoding);
	}
}

TEST(pauses_are_seconds_and_dates_are_no_pause)
{
	Headers headers = {};

	ASSERT_OK(take(&headers, "Retry-After: 120\r\n"));
	ASSERT_EQ(headers.retry_after_s, 120);
	headers = (Headers){};
	ASSERT_OK(take(&headers, "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"));
	ASSERT_OK(take(&headers, "Retry-After: -1\r\n"));
	ASSERT_OK(take(&headers, "Retry-After: 99999999999999999999\r\n"));
	ASSERT_EQ(headers.retry_after_s, 0);
}

TEST(each_answer_begins_anew)
{
	Headers headers = {};

	ASSERT_OK(take(&headers, "HTTP/1.1 302 Found\r\n"));
	ASSERT_OK(take(&headers, "ETag: \"a\"\r\n"));
	ASSERT_OK(take(&headers, "Content-Encoding: gzip\r\n"));
	ASSERT_OK(take(&headers, "HTTP/1.0 200 OK\r\n"));
	ASSERT_STREQ(headers.etag, "");
	ASSERT_STREQ(headers.encoding, "");
	ASSERT_EQ(headers.lines, 4);
}

TEST(the_bounds_count_all_answers)
{
	Headers headers = {};

	for (size_t i = 0; i < HEADERS_LINES_MAX; i++)
		ASSERT_OK(take(&headers, "HTTP/1.1 103 Early Hints\r\n"));
	ASSERT_ERROR(-E2BIG, take(&headers, "\r\n"));
	headers = (Headers){.bytes = HEADERS_BYTES_MAX - 4};
	ASSERT_OK(take(&headers, "a:b\n"));
	ASSERT_ERROR(-E2BIG, take(&headers, "a"));
}
