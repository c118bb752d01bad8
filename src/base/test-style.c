/* SPDX-License-Identifier: Apache-2.0 */
#include "base/style.h"
#include "test.h"

TEST(the_locale_says_whether_marks_may_be_more_than_ascii)
{
	ASSERT(style_is_utf8(NULL, NULL, "C.UTF-8"));
	ASSERT(style_is_utf8(NULL, "", "de_DE.utf8"));
	ASSERT(style_is_utf8("en_GB.UTF-8", "C", "C"));
	ASSERT(style_is_utf8(NULL, "ca_ES.UTF-8@valencia", NULL));
	ASSERT(!style_is_utf8("C", "C.UTF-8", "C.UTF-8"));
	ASSERT(!style_is_utf8("", "POSIX", "C.UTF-8"));
	ASSERT(!style_is_utf8(NULL, NULL, "de_DE.ISO-8859-1"));
	ASSERT(!style_is_utf8(NULL, NULL, "UTF-8"));
	ASSERT(!style_is_utf8(NULL, NULL, NULL));
}

TEST(colours_are_for_terminals_that_have_them)
{
	ASSERT(style_has_colours(NULL, "xterm"));
	ASSERT(style_has_colours("", "xterm"));
	ASSERT(!style_has_colours("1", "xterm"));
	ASSERT(!style_has_colours(NULL, "dumb"));
	ASSERT(!style_has_colours(NULL, ""));
	ASSERT(!style_has_colours(NULL, NULL));
}

TEST(width_counts_what_is_seen)
{
	ASSERT_EQ(style_width(""), 0);
	ASSERT_EQ(style_width("ab\303\266"), 3);
	ASSERT_EQ(style_width("\033[31m\342\227\217\033[0m x"), 3);
	ASSERT_EQ(style_width("\033"), 0);
}
