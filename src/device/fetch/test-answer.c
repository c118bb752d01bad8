/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "device/fetch/answer.h"
#include "device/fetch/redirect.h"
#include "test.h"

#define OLD "0123456789"

/* A file with OLD in it, and a request for the rest of it from `from`. */
typedef struct Case {
	FILE *file;
	FetchRequest request;
	Answer answer;
} Case;

static void case_done(Case *c)
{
	fclose(c->file);
}

static void begin(Case *c, uint64_t from, uint64_t max)
{
	*c = (Case){.file = tmpfile(), .request = {.max = max, .offset = from}};
	ASSERT(c->file);
	c->request.fd = fileno(c->file);
	ASSERT_OK(fd_write_full(c->request.fd, OLD, strlen(OLD)));
	c->answer = (Answer){.request = &c->request, .from = from, .at = from};
}

static int header(Case *c, const char *line)
{
	return answer_take_header(&c->answer, line, strlen(line));
}

static void check_file(const Case *c, const char *expected)
{
	char text[100] = {};
	uint64_t size;

	ASSERT_OK(fd_size(c->request.fd, &size));
	ASSERT_EQ(size, strlen(expected));
	ASSERT_OK(fd_pread_full(c->request.fd, text, size, 0));
	ASSERT_STREQ(text, expected);
}

TEST(everything_replaces_what_was_there)
{
	_cleanup_(case_done) Case c = {};

	begin(&c, 5, 100);
	ASSERT_OK(answer_take_body(&c.answer, 200, 3, "ab", 2));
	ASSERT_OK(answer_take_body(&c.answer, 200, 3, "c", 1));
	ASSERT_OK(answer_finish(&c.answer, 200));
	check_file(&c, "abc");
	ASSERT_EQ(c.answer.at, 3);
}

TEST(an_empty_answer_empties_the_file)
{
	_cleanup_(case_done) Case c = {};

	begin(&c, 0, 0);
	ASSERT_OK(answer_finish(&c.answer, 200));
	check_file(&c, "");
}

TEST(a_part_goes_behind_what_is_kept)
{
	_cleanup_(case_done) Case c = {};

	begin(&c, 5, 7);
	ASSERT_OK(header(&c, "Content-Range: bytes 5-6/7\r\n"));
	ASSERT_OK(answer_take_body(&c.answer, 206, -1, "ab", 2));
	check_file(&c, "01234ab");
	ASSERT(answer_take_body(&c.answer, 206, -1, "c", 1) < 0);
	ASSERT_EQ(c.answer.error, EFBIG);
	check_file(&c, "01234ab");
}

TEST(another_part_is_not_written)
{
	static const char *const lines[] = {"Content-Range: bytes 4-9/10\r\n",
		"Content-Range: bytes 6-9/10\r\n", "Content-Range: bytes */10\r\n", "\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_(case_done) Case c = {};

		begin(&c, 5, 100);
		ASSERT_OK(header(&c, lines[i]));
		ASSERT(answer_take_body(&c.answer, 206, -1, "ab", 2) < 0);
		ASSERT_EQ(c.answer.error, EPROTO);
		ASSERT(c.answer.no_range);
		check_file(&c, OLD);
	}
}

TEST(a_part_that_nobody_asked_for_is_an_error)
{
	_cleanup_(case_done) Case c = {};

	begin(&c, 0, 100);
	ASSERT_OK(header(&c, "Content-Range: bytes 0-1/2\r\n"));
	ASSERT(answer_take_body(&c.answer, 206, 2, "ab", 2) < 0);
	ASSERT(!c.answer.no_range);
	check_file(&c, OLD);
}

TEST(a_refused_range_is_asked_for_no_more)
{
	_cleanup_(case_done) Case c = {};

	begin(&c, 5, 100);
	ASSERT_OK(answer_take_body(&c.answer, 416, 5, "Sorry", 5));
	ASSERT_OK(answer_finish(&c.answer, 416));
	ASSERT(c.answer.no_range);
	check_file(&c, OLD);
}

TEST(what_is_announced_too_long_is_not_begun)
{
	_cleanup_(case_done) Case c = {};

	begin(&c, 0, 3);
	ASSERT(answer_take_body(&c.answer, 200, 4, "a", 1) < 0);
	ASSERT_EQ(c.answer.error, EFBIG);
	check_file(&c, OLD);
}

TEST(error_pages_are_read_to_a_bound_and_not_kept)
{
	_cleanup_(case_done) Case c = {};
	static const char page[ANSWER_PAGE_MAX];

	begin(&c, 0, 3);
	ASSERT_OK(answer_take_body(&c.answer, 404, -1, page, sizeof(page)));
	ASSERT(answer_take_body(&c.answer, 404, -1, page, 1) < 0);
	ASSERT_EQ(c.answer.error, 0);
	check_file(&c, OLD);
}

TEST(what_is_packed_is_told_and_not_written)
{
	_cleanup_(case_done) Case c = {};

	begin(&c, 0, 100);
	ASSERT_OK(header(&c, "Content-Encoding: gzip\r\n"));
	ASSERT(answer_take_body(&c.answer, 200, 2, "ab", 2) < 0);
	ASSERT_EQ(c.answer.error, EPROTO);
	ASSERT(strstr(c.answer.reason.text, "gzip"));
	check_file(&c, OLD);
}

TEST(redirects_are_compared_as_libcurl_reads_them)
{
	static const struct {
		const char *from, *to;
		bool home, any;
	} cases[] = {
		{"http://a/x", "http://a/y", true, true},
		{"http://a/x", "http://A:80/y", true, true},
		{"http://a/x", "HTTP://a/y?z", true, true},
		{"https://a:443/x", "https://a/y", true, true},
		{"http://a/x", "http://a:81/x", false, true},
		{"http://a/x", "http://b/x", false, true},
		{"http://a/x", "http://a.b/x", false, true},
		{"http://a/x", "http://a@b/x", false, true},
		{"http://a/x", "https://a/x", false, true},
		{"https://a/x", "https://b/x", false, true},
		{"https://a/x", "http://a/x", false, false},
		{"http://a/x", "ftp://a/x", false, false},
		{"http://a/x", "file:///a/x", false, false},
		{"http://a/x", "gopher://a/x", false, false},
		{"http://a/x", "http://", false, false},
		{"http://a/x", "http://a:99999/", false, false},
		{"http://a/x", "", false, false},
		{"http://a/x", "/y", false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (redirect_is_allowed(cases[i].from, cases[i].to, false) != cases[i].home ||
			redirect_is_allowed(cases[i].from, cases[i].to, true) != cases[i].any)
			test_fail(__FILE__, __LINE__, "%s to %s", cases[i].from, cases[i].to);
	for (int status = 200; status < 400; status++)
		ASSERT_EQ(redirect_is(status),
			status == 301 || status == 302 || status == 303 || status == 307 ||
				status == 308);
}
