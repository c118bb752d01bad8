/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "test.h"
#include "wire/improvement/cvss.h"
#include "wire/improvement/fixes.h"
#include "wire/improvement/purl.h"

#define VECTOR "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"
#define FIX(more)                                                                                  \
	"{\"cve\":\"CVE-2026-0001\",\"component\":\"tls\",\"impact\":\"I\",\"description\":"       \
	"\"D\"" more "}"
#define FILE_OF(schema, more, fix)                                                                 \
	"{\"schema\":" schema ",\"id\":\"EX-1\",\"title\":\"T\",\"urgency\":\"high\"" more         \
	",\"fixes\":[" fix "]}"

static int read_list(const char *text, FixesList *ret_list, Reason *reason)
{
	return fixes_list_read(text, strlen(text), ret_list, reason);
}

TEST(notes_hold_files_of_several_schemas)
{
	_cleanup_fixes_list_ FixesList list = {};

	ASSERT_OK(read_list("[" FILE_OF("1", "", FIX("")) "," FILE_OF("2",
				    ",\"released\":\"2026-03-01T00:00:00Z\"",
				    FIX(",\"cvss\":\"" VECTOR "\",\"exploited\":true")) "]",
		&list, NULL));
	ASSERT_EQ(list.notes.count, 2);
	ASSERT_STREQ(list.notes.items[1].fixes.items[0].cvss, VECTOR);
	ASSERT(list.notes.items[1].fixes.items[0].exploited);
	ASSERT(fixes_list_find(&list, "CVE-2026-0001") == list.notes.items[0].fixes.items);
	ASSERT(!fixes_list_find(&list, "CVE-2026-000"));
}

TEST(of_a_newer_schema_what_is_known_is_taken)
{
	_cleanup_fixes_list_ FixesList list = {};
	Reason reason = {};

	ASSERT_OK(read_list("[" FILE_OF("7", ",\"mood\":[{}]", FIX(",\"epss\":{\"a\":1}")) "]",
		&list, &reason));
	ASSERT_EQ(list.notes.items[0].schema, FIXES_SCHEMA);
	ASSERT_STREQ(list.notes.items[0].fixes.items[0].impact, "I");
}

TEST(notes_that_do_not_fit_are_told_of)
{
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{"", ""},
		{"{}", "notes: is not a list"},
		{"[{}]", "notes[0].schema: is missing"},
		{"[],\"notes\":[]", ""},
		{"[],\"more\":[]", "more: is not known here"},
		{"[]}", ""},
		{"[1]", "notes[0]: is not an object"},
		{"[" FILE_OF("2", ",\"mood\":1", FIX("")) "]", "notes[0].mood"},
		{"[" FILE_OF("2", "", FIX(",\"epss\":1")) "]", "notes[0].fixes[0].epss"},
		{"[" FILE_OF("0", "", FIX("")) "]", "notes[0].schema: is too small"},
		{"[" FILE_OF("9", "", FIX(",\"credit\":1")) "]",
			"notes[0].fixes[0].credit: is not a printable text"},
		{"[" FILE_OF("2", "", FIX(",\"references\":[\"javascript:alert(1)\"]")) "]",
			"notes[0].fixes[0].references[0]: is not of the allowed form"},
		{"[" FILE_OF("2", "", FIX(",\"credit\":\"\\u001b[2J\"")) "]",
			"notes[0].fixes[0].credit: is not a printable text"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_fixes_list_ FixesList list = {};
		Reason reason = {};

		ASSERT_ERROR(-EBADMSG, read_list(bad[i].text, &list, &reason));
		ASSERT(reason.text[0]);
		if (!strstr(reason.text, bad[i].reason))
			test_fail(__FILE__, __LINE__, "%zu: %s", i, reason.text);
		ASSERT_EQ(list.notes.count, 0);
	}
}

TEST(reading_notes_survives_failing_allocations)
{
	FixesList list = {};

	TEST_EACH_ALLOCATION(
		read_list("[" FILE_OF("7", ",\"mood\":[{}]", FIX("")) "]", &list, NULL),
		fixes_list_clear(&list));
}

/* -- scores -- */

TEST(a_score_follows_from_its_vector)
{
	/* from the examples that FIRST publishes with the specification */
	static const struct {
		const char *vector;
		unsigned score;
		const char *severity;
	} cases[] = {
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61, "MEDIUM"},
		{"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64, "MEDIUM"},
		{"CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31, "LOW"},
		{"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 99, "CRITICAL"},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75, "HIGH"},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98, "CRITICAL"},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100, "CRITICAL"},
		{"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78, "HIGH"},
		{"CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0, "NONE"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT(cvss_is_vector(cases[i].vector));
		ASSERT_EQ(cvss_score(cases[i].vector), cases[i].score);
		ASSERT_STREQ(cvss_severity(cases[i].score), cases[i].severity);
	}
}

TEST(what_is_no_vector_is_refused)
{
	static const char *const bad[] = {"", "CVSS:3.1", "CVSS:3.1/AV:N",
		"CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",
		"CVSS:3.1/AV:X/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",
		"CVSS:3.1/AC:L/AV:N/PR:N/UI:R/S:C/C:L/I:L/A:N",
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:",
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N/E:P",
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:NN"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT(!cvss_is_vector(bad[i]));
		ASSERT_EQ(cvss_score(bad[i]), 0);
	}
}

/* -- package addresses -- */

TEST(a_package_address_has_the_whole_base_key)
{
	_cleanup_free_ char *base = purl_of_base("exampleos", "26.3.1+12_x86_64", "26.3.1", 0);
	_cleanup_free_ char *late = purl_of_base("exampleos", "26.3.1_x86_64", "26.3.1", 27);

	ASSERT_STREQ(base, "pkg:generic/exampleos@26.3.1?base=26.3.1%2B12_x86_64");
	ASSERT_STREQ(late, "pkg:generic/exampleos@26.3.1-aa?base=26.3.1_x86_64");
}

TEST(a_package_of_dpkg_is_encoded_as_the_specification_says)
{
	_cleanup_free_ char *purl = purl_of_deb("debian", "g++-12", "1:2.0~rc1+b/1", "amd64");

	ASSERT_STREQ(purl, "pkg:deb/debian/g%2B%2B-12@1:2.0~rc1%2Bb%2F1?arch=amd64");
}
