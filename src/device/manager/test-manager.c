/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/path.h"
#include "device/manager/after.h"
#include "device/manager/checked.h"
#include "device/manager/report.h"
#include "device/manager/want.h"
#include "test.h"

#define GOOD                                                                                       \
	"{\"changed\":true,\"generation\":3,\"payload_bytes\":255,\"requests\":4,\"schema\":1,"    \
	"\"issued\":1780000000,\"expires\":1790000000,\"used_delta\":true,\"used_full\":false,"    \
	"\"wire_bytes\":4000}\n"

#define LINE(generation, requests, schema)                                                         \
	"{\"generation\":" generation ",\"payload_bytes\":1,\"requests\":" requests                \
	",\"schema\":" schema ",\"wire_bytes\":1,\"issued\":1,\"expires\":1}"
#define NOTED(asked, problem)                                                                      \
	"{\"generation\":3,\"payload_bytes\":1,\"requests\":1,\"schema\":1,\"wire_bytes\":1,"      \
	"\"issued\":1,\"expires\":1,\"notes_asked\":" asked ",\"notes_problem\":" problem "}"
#define TIMES(issued, expires)                                                                     \
	"{\"generation\":3,\"payload_bytes\":1,\"requests\":1,\"schema\":1,\"wire_bytes\":1,"      \
	"\"issued\":" issued ",\"expires\":" expires "}"
#define TWO_LINES GOOD GOOD
#define LONG_NAME                                                                                  \
	"{\"component\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","    \
	"\"done\":5,\"phase\":\"apply\",\"total\":10}"

static int read_stage(const char *text, StageResult *result)
{
	return report_stage(text, strlen(text), result, NULL);
}

TEST(the_stagers_line_is_read)
{
	StageResult result;

	ASSERT_OK(read_stage(GOOD, &result));
	ASSERT(result.changed && result.used_delta && !result.used_full);
	ASSERT_EQ(result.generation, 3);
	ASSERT_EQ(result.requests, 4);
	ASSERT_EQ(result.wire_bytes, 4000);
	ASSERT_EQ(result.payload_bytes, 255);
	ASSERT_EQ(result.issued, 1780000000);
	ASSERT_EQ(result.expires, 1790000000);
}

TEST(what_became_of_notes_is_read_and_never_a_reason_to_refuse)
{
	static const char *const odd[] = {GOOD, NOTED("1", "3"), NOTED("true", "\"\\u001b[2J\"")};
	StageResult result;

	ASSERT_OK(read_stage(NOTED("true", "\"none came\""), &result));
	ASSERT(result.notes_asked);
	ASSERT_STREQ(result.notes_problem, "none came");
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		ASSERT_OK(read_stage(odd[i], &result));
		ASSERT_STREQ(result.notes_problem, "");
	}
}

TEST(the_restarters_object_is_read)
{
	static const char *const bad[] = {"", "[]", "{}", "{\"schema\":1}", "{\"units\":[]}",
		"{\"schema\":2,\"units\":[]}", "{\"schema\":1,\"units\":{}}"};
	static const char good[] = "{\"schema\":1,\"units\":[]}\n";
	json_t *report = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EBADMSG, report_restarts(bad[i], strlen(bad[i]), &report, NULL));
	ASSERT(!report);
	ASSERT_OK(report_restarts(good, strlen(good), &report, NULL));
	json_decref(report);
}

TEST(what_the_stager_does_not_say_is_refused)
{
	static const char *const bad[] = {"", "{}", "[]", "3", LINE("3", "1", "0"),
		LINE("3", "1", "2"), LINE("3", "1", "\"1\""), LINE("-3", "1", "1"),
		LINE("4294967296", "1", "1"), LINE("\"3\"", "1", "1"), LINE("3", "-1", "1"),
		LINE("3", "true", "1"), TWO_LINES, TIMES("-1", "1"), TIMES("1", "\"1\""),
		TIMES("253402300800", "1"), TIMES("1", "null"),
		"{\"generation\":3,\"payload_bytes\":1,\"requests\":1,\"schema\":1}"};
	StageResult result = {.generation = 7};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (read_stage(bad[i], &result) != -EBADMSG)
			test_fail(bad[i], 0, "was accepted");
		ASSERT_EQ(result.generation, 7);
	}
	TEST_EACH_ALLOCATION(read_stage(GOOD, &result), (void)0);
}

TEST(progress_is_read_and_rubbish_passed_over)
{
	static const char line[] =
		"{\"component\":\"tls\",\"done\":5,\"phase\":\"apply\",\"total\":10}";
	static const char *const bad[] = {"", "{}", LONG_NAME,
		"{\"component\":\"tls\",\"done\":-5,\"phase\":\"apply\",\"total\":10}",
		"{\"component\":\"t\\u001bls\",\"done\":5,\"phase\":\"apply\",\"total\":10}",
		"{\"component\":\"tls\",\"phase\":\"apply\",\"total\":10}"};
	ProgressReport progress;

	ASSERT_OK(report_progress(line, &progress));
	ASSERT_STREQ(progress.phase, "apply");
	ASSERT_STREQ(progress.component, "tls");
	ASSERT_EQ(progress.done, 5);
	ASSERT_EQ(progress.total, 10);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (report_progress(bad[i], &progress) != -EBADMSG)
			test_fail(bad[i], 0, "was accepted");
}

TEST(the_activators_lines_are_read)
{
	static const char text[] = "current 12\nmounted 3\nseal required\ncurrently 5\nlast 9";
	char cover[REPORT_WORD_MAX + 1];
	uint32_t number = 77;

	ASSERT_EQ(report_microseconds("switched generation=1 directories=1 microseconds=26\n"), 26);
	ASSERT_EQ(report_microseconds("switched"), 0);
	ASSERT_OK(report_status_number(text, "current", &number));
	ASSERT_EQ(number, 12);
	ASSERT_OK(report_status_number(text, "mounted", &number));
	ASSERT_EQ(number, 3);
	ASSERT_OK(report_status_number(text, "last", &number));
	ASSERT_EQ(number, 9);
	ASSERT_ERROR(-ENOENT, report_status_number(text, "seal", &number));
	ASSERT_ERROR(-ENOENT, report_status_number(text, "held", &number));
	ASSERT_ERROR(-ENOENT, report_status_number("mounted mixed\n", "mounted", &number));
	ASSERT_ERROR(-ENOENT, report_status_number("", "mounted", &number));
	report_cover("mounted 0\ncover by=overlay:sysext path=usr/lib/a b\n", cover);
	ASSERT_STREQ(cover, "overlay:sysext");
	report_cover("reason cover by=overlay:sysext\n", cover);
	ASSERT_STREQ(cover, "");
	ASSERT_EQ(number, 9);
}

TEST(what_runs_afterwards_is_the_sum_of_the_images)
{
	GenerationImage images[] = {{.after = 1u << 0 | 1u << 3}, {.after = 1u << 6}, {}};
	const Generation generation = {.images = images, .image_count = ARRAY_SIZE(images)};

	ASSERT_EQ(after_of_generation(&generation), 1u << 0 | 1u << 3 | 1u << 6);
	ASSERT_EQ(after_of_generation(&(Generation){}), 0);
}

TEST(nothing_is_reloaded_for_another_root)
{
	ASSERT_OK(after_run("/nonexistent", ~0u, NULL));
	ASSERT_OK(after_run("/", 0, NULL));
}

static int want(const Improvement *improvement)
{
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	int r = want_improvement(&files, improvement);

	if (r < 0)
		return r;
	ASSERT_EQ(files.count, 2);
	ASSERT_EQ(files.not_covered[FILE_DATA], 1);
	ASSERT_EQ(files.not_covered[FILE_READ_ONCE], 0);
	ASSERT_STREQ(files.items[0].path, "usr/lib/tls/libtls.so");
	ASSERT_STREQ(files.items[0].ids, "CVE-2026-1 CVE-2026-3");
	ASSERT(!files.items[0].removed && files.items[1].removed);
	return 0;
}

TEST(only_what_processes_map_can_be_exposed)
{
	char so[] = "usr/lib/tls/libtls.so", text[] = "usr/lib/tls/text",
	     gone[] = "usr/lib/tls/gone";
	char tls[] = "tls", xml[] = "xml", one[] = "CVE-2026-1", two[] = "CVE-2026-2",
	     three[] = "CVE-2026-3";
	ImageFile files[] = {{.path = so, .kind = FILE_MAPPED}, {.path = text, .kind = FILE_DATA}};
	char *removed[] = {gone};
	IndexImage image = {.component = tls,
		.files = {.items = files, .count = 2},
		.removed = {.items = removed, .count = 1}};
	IndexFix fixes[] = {{one, tls}, {two, xml}, {three, tls}};
	const Improvement improvement = {
		.images = {.items = &image, .count = 1}, .fixes = {.items = fixes, .count = 3}};

	TEST_EACH_ALLOCATION(want(&improvement), (void)0);
}

static Checked after(const char *text)
{
	_cleanup_(store_freep) Store *store = NULL;
	char folder[] = "/tmp/suture-checked-XXXXXX";
	Checked checked = {};

	ASSERT(mkdtemp(folder));
	ASSERT_OK(store_open(folder, &store, NULL));
	ASSERT_OK(store_make(store, NULL));
	if (text)
		ASSERT_OK(file_write_atomic(store->dir, "checked", text, strlen(text), 0644));
	ASSERT_OK(checked_load(store, &checked));
	ASSERT_OK(path_remove_tree(AT_FDCWD, folder));
	return checked;
}

TEST(a_damaged_record_of_checks_is_none)
{
	static const char *const bad[] = {NULL, "", "{}", "2026-11-22T05:58:42Z", "{\"schema\":2}",
		"{\"schema\":1,\"issued\":7}", "{\"schema\":1,\"more\":1}"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		Checked checked = after(bad[i]);

		ASSERT(checked.schema == 1 && !checked.problem && checked.issued == 0);
	}
}

TEST(the_clock_is_never_behind_what_was_signed)
{
	Checked checked = after("{\"schema\":1,\"issued\":\"2199-01-01T00:00:00Z\"}");

	ASSERT_EQ(checked_now(&checked), INT64_C(7226582400));
	checked_succeeded(&checked, INT64_C(7226582401), INT64_C(7226582500));
	ASSERT_EQ(checked_now(&checked), INT64_C(7226582401));
	ASSERT_EQ(checked.succeeded, INT64_C(7226582401));
	checked = (Checked){.schema = 1};
	checked_succeeded(&checked, 1000, 2000); /* long ago: the system's clock counts */
	ASSERT(checked_now(&checked) > 1780000000);
}

TEST(a_time_to_come_goes_with_what_said_so)
{
	Checked checked = after("{\"schema\":1,\"issued\":\"2199-01-01T00:00:00Z\"}");

	checked_succeeded(&checked, 1780000000, 1790000000);
	ASSERT(checked_now(&checked) < INT64_C(7226582400));
	ASSERT(checked.succeeded < INT64_C(7226582400));
	ASSERT_EQ(checked.expires, 1790000000);
}

TEST(a_failed_check_is_told_until_one_succeeds)
{
	Checked checked = {.schema = 1, .succeeded = 5, .expires = 6};

	ASSERT_OK(checked_failed(&checked, "no route"));
	ASSERT_OK(checked_failed(&checked, "no name"));
	ASSERT_STREQ(checked.problem, "no name");
	ASSERT(checked.failed > 0 && checked.succeeded == 5 && checked.expires == 6);
	ASSERT_EQ(checked.failures, 2);
	checked_succeeded(&checked, 7, 8);
	ASSERT(!checked.problem && checked.failed == 0 && checked.failures == 0);
	checked_done(&checked);
}
