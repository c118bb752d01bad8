/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "test.h"
#include "wire/trust/pattern.h"

TEST(patterns_stop_at_slashes)
{
	ASSERT(pattern_matches("targets/*.tgz", "targets/foo.tgz"));
	ASSERT(pattern_matches("targets/*.tgz", "targets/.tgz"));
	ASSERT(pattern_matches("*.tgz", "foo.tgz"));
	ASSERT(pattern_matches("*/*/c", "a/b/c"));
	ASSERT(!pattern_matches("targets/*.tgz", "targets/a/foo.tgz"));
	ASSERT(!pattern_matches("*.tgz", "targets/foo.tgz"));
	ASSERT(!pattern_matches("*", "a/b"));
	ASSERT(!pattern_matches("**", "a/b"));
	ASSERT(!pattern_matches("a?b", "a/b"));
	ASSERT(!pattern_matches("a[/]b", "a/b"));
	ASSERT(!pattern_matches("a", "a/"));
	ASSERT(!pattern_matches("a/", "a"));
	ASSERT(!pattern_matches("a/*", "a"));
	ASSERT(pattern_matches("a/*", "a/"));
}

TEST(stars_are_any_text_and_marks_one_character)
{
	ASSERT(pattern_matches("", ""));
	ASSERT(pattern_matches("*", ""));
	ASSERT(pattern_matches("***", "abc"));
	ASSERT(pattern_matches("a*b*c", "a-b-b-c"));
	ASSERT(pattern_matches("*ab", "aab"));
	ASSERT(pattern_matches("*aab*", "aaaab"));
	ASSERT(pattern_matches("f?", "fo"));
	ASSERT(pattern_matches("?*?", "ab"));
	ASSERT(!pattern_matches("?*?", "a"));
	ASSERT(!pattern_matches("?", ""));
	ASSERT(!pattern_matches("?", "ab"));
	ASSERT(!pattern_matches("*.tgz", "foo.tgz.txt"));
	ASSERT(!pattern_matches("a*b*c", "a-c-b"));
	ASSERT(!pattern_matches("", "a"));
}

/* Other clients count characters, not bytes. */
TEST(characters_may_have_several_bytes)
{
	ASSERT(pattern_matches("?", "\xc3\xa4"));
	ASSERT(pattern_matches("?b",
		"\xf0\x9f\xa7\xb5"
		"b"));
	ASSERT(pattern_matches("[\xc3\xa0-\xc3\xbf]", "\xc3\xa4"));
	ASSERT(pattern_matches("*\xa4", "\xa4")); /* no UTF-8: a byte equals itself alone */
	ASSERT(!pattern_matches("??", "\xc3\xa4"));
	ASSERT(!pattern_matches("[\xc3\xa0]", "\xc3\xa4"));
	ASSERT(!pattern_matches("\xc3", "\xc3\xa4"));
	ASSERT(!pattern_matches("?", "\xc3/"));
}

TEST(sets_are_those_of_the_reference_client)
{
	ASSERT(pattern_matches("[abc]", "b"));
	ASSERT(pattern_matches("[a-c]x", "bx"));
	ASSERT(pattern_matches("[!a-c]", "d"));
	ASSERT(pattern_matches("[]]", "]"));
	ASSERT(pattern_matches("[!]]", "a"));
	ASSERT(pattern_matches("[a-]", "-"));
	ASSERT(pattern_matches("[-a]", "-"));
	ASSERT(pattern_matches("[^a]", "^"));
	ASSERT(pattern_matches("[[]", "["));
	ASSERT(pattern_matches("[*]", "*"));
	ASSERT(pattern_matches("a[", "a[")); /* not closed: itself */
	ASSERT(pattern_matches("[a/b]", "[a/b]"));
	ASSERT(pattern_matches("[!]", "[!]"));
	ASSERT(pattern_matches("*[0-9]z", "a12z"));
	ASSERT(!pattern_matches("[abc]", "d"));
	ASSERT(!pattern_matches("[!a-c]", "b"));
	ASSERT(!pattern_matches("[!]]", "]"));
	ASSERT(!pattern_matches("[c-a]", "b"));
	ASSERT(!pattern_matches("[*]", "x"));
	ASSERT(!pattern_matches("[[:alpha:]]", "a")); /* classes are not known */
	ASSERT(!pattern_matches("[]", ""));
}

TEST(nothing_escapes_and_dots_are_plain)
{
	ASSERT(pattern_matches("*", ".hidden"));
	ASSERT(pattern_matches("?hidden", ".hidden"));
	ASSERT(pattern_matches("a\\b", "a\\b"));
	ASSERT(pattern_matches("\\*", "\\x"));
	ASSERT(!pattern_matches("\\*", "*"));
	ASSERT(!pattern_matches("A", "a"));
}

/* A backtracking matcher needs 2^n steps for n stars. */
TEST(a_pattern_of_many_stars_takes_no_time)
{
	char *pattern = memory_new(1000001), *path = memory_new(4001);
	uint64_t start = time_monotonic_us();

	memset(path, 'a', 4000);
	for (size_t i = 0; i < 1000000; i += 2)
		memcpy(pattern + i, "*a", 2);
	ASSERT(!pattern_matches(pattern, path)); /* more letters than the path has */
	memset(pattern, '*', 1000000);
	ASSERT(pattern_matches(pattern, path));
	pattern[999999] = 'b';
	ASSERT(!pattern_matches(pattern, path));
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[4000] = 'b';
	pattern[4001] = '\0';
	ASSERT(!pattern_matches(pattern, path));
	ASSERT(time_monotonic_us() - start < 5000000);
	memory_free(pattern);
	memory_free(path);
}
