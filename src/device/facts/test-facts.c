/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "device/facts/metrics.h"
#include "device/facts/place.h"
#include "device/facts/restart.h"
#include "device/facts/wording.h"
#include "test.h"
#include "wire/json/document.h"

/* What every status has, and more members. */
static json_t *status_with(const char *more)
{
	_cleanup_free_ char *text =
		memory_printf("{\"schema\":1,\"name\":\"Ex\\\\ample\",\"product\":"
			      "\"ex\",\"version\":\"1\",\"base\":\"1_x\\\"86\\\\\"%s}",
			more);
	json_t *status = NULL;

	ASSERT(text);
	ASSERT_OK(document_parse(text, strlen(text), &status, NULL));
	return status;
}

#define APPLIED                                                                                    \
	",\"sequence\":1,\"label\":\"1 (a)\",\"machine_label\":\"1-a\",\"fixes\":[\"CVE-1\"]"
#define BASE ",\"sequence\":0,\"label\":\"1\",\"fixes\":[]"
#define OFFER(state)                                                                               \
	",\"offer\":{\"state\":\"" state "\",\"sequence\":2,\"label\":\"1 (b)\",\"cves\":["        \
	"\"CVE-1\",\"CVE-2\",\"CVE-3\"]}"
#define STAGED                                                                                     \
	",\"restart_needed\":\"reboot\",\"selected_label\":\"1 "                                   \
	"(b)\",\"selected_fixes\":[\"CVE-1\","                                                     \
	"\"CVE-2\"]"

static const struct {
	const char *more, *message; /* NULL: nobody is told */
} messages[] = {
	{BASE, NULL},
	{BASE OFFER("none"), NULL},
	{BASE OFFER("on-hold"), NULL},
	{BASE OFFER("available"), "Ex\\ample 1; 1 (b) is available\n"},
	{APPLIED, "Ex\\ample 1 (a)\n"},
	{APPLIED OFFER("available"), "Ex\\ample 1 (a); 1 (b) is available\n"},
	{APPLIED STAGED, "Ex\\ample 1 (a); 1 (b) waits for a restart of the system\n"},
};

TEST(a_login_is_told_what_is_applied_and_what_waits)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		_cleanup_json_ json_t *status = status_with(messages[i].more);
		_cleanup_buffer_ Buffer text = {}, issue = {};

		ASSERT_OK(wording_message(status, &text));
		ASSERT_OK(wording_issue(status, &issue));
		if (messages[i].message)
			ASSERT_STREQ(text.data, messages[i].message);
		else
			ASSERT_EQ(text.size, 0);
		/* the one backslash of the name, for agetty */
		ASSERT_EQ(issue.size, text.size + (text.size > 0));
	}
}

TEST(nothing_in_a_release_gets_out_of_its_quotes)
{
	_cleanup_json_ json_t *status = status_with(APPLIED), *base = status_with(BASE);
	_cleanup_buffer_ Buffer text = {}, none = {};

	ASSERT_OK(wording_release(status, &text));
	ASSERT(strstr((char *)text.data, "PATCH_BASE=\"1_x\\\"86\\\\\"\n"));
	ASSERT(strstr((char *)text.data, "PATCH_PRETTY_NAME=\"Ex\\\\ample 1 (a)\"\n"));
	ASSERT(strstr((char *)text.data, "PATCH_FIXES=\"CVE-1\"\n"));
	ASSERT_OK(wording_release(base, &none));
	ASSERT_EQ(none.size, 0);
}

static void check_metrics(const char *more, const char *state, const char *open)
{
	_cleanup_json_ json_t *status = status_with(more);
	_cleanup_buffer_ Buffer text = {};

	ASSERT_OK(metrics_write(status, &text));
	ASSERT(strstr((char *)text.data, "{base=\"1_x\\\"86\\\\\",label=\"1"));
	ASSERT(strstr((char *)text.data, state));
	ASSERT(strstr((char *)text.data, open));
}

TEST(metrics_have_one_state_and_count_each_cve_once)
{
	check_metrics(BASE, "state=\"base\"", "open_cves 0\n");
	check_metrics(BASE OFFER("on-hold"), "state=\"base\"", "open_cves 3\n");
	check_metrics(APPLIED OFFER("available"), "state=\"applied\"", "open_cves 2\n");
	check_metrics(APPLIED STAGED OFFER("available"), "state=\"staged\"", "open_cves 2\n");
	check_metrics(APPLIED ",\"trial\":{}", "state=\"trial\"", "suture_trial 1\n");
	check_metrics(BASE ",\"activation\":{\"mounted\":\"mixed\"}", "state=\"mixed\"",
		"suture_last_check_timestamp_seconds 0\n");
}

TEST(texts_survive_a_lack_of_memory)
{
	_cleanup_json_ json_t *status = status_with(APPLIED STAGED OFFER("available"));
	int (*const writers[])(const json_t *, Buffer *) = {
		wording_release, wording_message, wording_issue, metrics_write};

	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		Buffer text = {};

		TEST_EACH_ALLOCATION(
			(buffer_done(&text), writers[i](status, &text)), buffer_done(&text));
	}
}

static Buffer bytes(const char *text)
{
	return (Buffer){.data = (uint8_t *)text, .size = strlen(text)};
}

static int new_root(const char *name)
{
	_cleanup_free_ char *path = memory_printf("%s/%s", test_folder(), name);

	ASSERT_OK(mkdir(path, 0755));
	return open(path, O_PATH | O_CLOEXEC);
}

static void check_text(int root, const char *path, const char *expected)
{
	_cleanup_buffer_ Buffer text = {};

	ASSERT_OK(place_read(root, path, &text));
	ASSERT_STREQ(text.data, expected);
}

TEST(nothing_that_others_put_there_is_followed_or_waited_for)
{
	_cleanup_fd_ int root = new_root("hostile");
	const Buffer one = bytes("one\n"), two = bytes("two\n");
	Buffer text = {};

	ASSERT_OK(place_put(root, "victim", &one, false));
	ASSERT_OK(symlinkat("victim", root, "link"));
	ASSERT_OK(mkfifoat(root, "fifo", 0600));
	ASSERT_ERROR(-EINVAL, place_read(root, "link", &text));
	ASSERT_ERROR(-EINVAL, place_read(root, "fifo", &text));
	ASSERT_ERROR(-ENOENT, place_read(root, "none", &text));
	ASSERT_OK(place_put(root, "link", &two, false));
	ASSERT_OK(place_put(root, "fifo", &two, false));
	check_text(root, "victim", "one\n");
	check_text(root, "link", "two\n");
	check_text(root, "fifo", "two\n");
}

TEST(a_marked_file_is_marked_until_somebody_touches_it)
{
	_cleanup_fd_ int root = new_root("marked");
	const Buffer text = bytes("text\n");

	ASSERT(!place_is_marked(root, "a/file"));
	ASSERT_OK(place_put(root, "a/file", &text, true));
	ASSERT(place_is_marked(root, "a/file"));
	ASSERT_OK(utimensat(root, "a/file", NULL, 0));
	ASSERT(!place_is_marked(root, "a/file"));
	ASSERT_OK(place_put(root, "b", &text, false));
	ASSERT(!place_is_marked(root, "b"));
	ASSERT_OK(place_put(root, "b", &text, true)); /* the same bytes, but not ours yet */
	ASSERT(place_is_marked(root, "b"));
}

TEST(names_like_ours_are_not_ours)
{
	_cleanup_fd_ int root = new_root("names");
	const Buffer names = bytes("sutured\nlibsuture\n suture\n");

	ASSERT_OK(place_put(root, "run/reboot-required.pkgs", &names, false));
	ASSERT_OK(restart_flags_write(root, "reboot", NULL));
	ASSERT_OK(restart_flags_write(root, "reboot", NULL));
	check_text(root, "run/reboot-required.pkgs", "sutured\nlibsuture\n suture\nsuture\n");
	check_text(root, "run/reboot-needed", "reboot\n");
	ASSERT_OK(restart_flags_write(root, NULL, NULL));
	check_text(root, "run/reboot-required.pkgs", "sutured\nlibsuture\n suture\n");
	check_text(root, "run/reboot-required", "*** System restart required ***\n");
	ASSERT(faccessat(root, "run/reboot-needed", F_OK, 0) < 0);
}
