/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/buffer.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/maps.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "base/time.h"
#include "test.h"

TEST(hex_is_strict)
{
	uint8_t bytes[2];
	char text[5];

	ASSERT_OK(hex_decode("00ff", bytes, 2));
	ASSERT_EQ(bytes[1], 255);
	hex_encode(bytes, 2, text);
	ASSERT_STREQ(text, "00ff");
	ASSERT_ERROR(-EBADMSG, hex_decode("00FF", bytes, 2));
	ASSERT_ERROR(-EBADMSG, hex_decode("00f", bytes, 2));
	ASSERT_ERROR(-EBADMSG, hex_decode("00ff0", bytes, 2));
	ASSERT_ERROR(-EBADMSG, hex_decode("00fg", bytes, 2));
}

TEST(numbers_are_strict)
{
	static const char *const bad[] = {"", "01", "-1", "+1", " 1", "1 ", "1e3", "0x1"};
	uint64_t n;

	ASSERT_OK(text_to_u64("18446744073709551615", UINT64_MAX, &n));
	ASSERT(n == UINT64_MAX);
	ASSERT_ERROR(-ERANGE, text_to_u64("18446744073709551616", UINT64_MAX, &n));
	ASSERT_ERROR(-ERANGE, text_to_u64("11", 10, &n));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EBADMSG, text_to_u64(bad[i], 100, &n));
}

TEST(pauses_double_up_to_a_bound_and_scatter_by_half)
{
	static const uint64_t expected[] = {1000, 2000, 4000, 8000, 10000, 10000};

	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		uint64_t least = UINT64_MAX, most = 0;

		for (uint32_t random = 0; random < 20000; random++) {
			uint64_t delay = backoff_delay(i + 1, 1000, 10000, random);

			least = delay < least ? delay : least;
			most = delay > most ? delay : most;
		}
		ASSERT_EQ(least, expected[i] / 2);
		ASSERT_EQ(most, expected[i] + expected[i] / 2);
	}
	ASSERT_EQ(backoff_delay(UINT32_MAX, 1, UINT32_MAX, 0), UINT32_MAX / 2);
	ASSERT_EQ(backoff_delay(1, 0, 0, UINT32_MAX), 0);
	ASSERT(backoff_random() != backoff_random() || backoff_random() != backoff_random());
}

TEST(times_have_one_form)
{
	static const char *const bad[] = {"2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:00:60Z", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z",
		"2026-1-01T00:00:00Z", "2026-01-01T00:00:00.0Z", "2026-13-01T00:00:00Z", ""};
	char text[TIME_TEXT_SIZE];
	int64_t seconds;

	ASSERT_OK(time_parse("2024-02-29T23:59:59Z", &seconds));
	ASSERT_EQ(seconds, 1709251199);
	time_format(seconds, text);
	ASSERT_STREQ(text, "2024-02-29T23:59:59Z");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EBADMSG, time_parse(bad[i], &seconds));
	time_format(INT64_MAX, text);
	ASSERT_STREQ(text, "9999-12-31T23:59:59Z");
}

/* TUF 4.2.1: what is signed says UTC, wherever the machine that reads it stands. */
TEST(times_are_utc_wherever_the_machine_stands)
{
	char text[TIME_TEXT_SIZE];
	int64_t seconds;

	setenv("TZ", "<+14>-14", 1);
	tzset();
	ASSERT_OK(time_parse("2024-02-29T23:59:59Z", &seconds));
	time_format(seconds, text);
	unsetenv("TZ");
	tzset();
	ASSERT_EQ(seconds, 1709251199);
	ASSERT_STREQ(text, "2024-02-29T23:59:59Z");
}

/* And what people read, and type, is their own time. */
TEST(people_have_the_time_of_their_zone)
{
	static const char *const bad[] = {"", "2026", "yesterday", "2024-03-01 12", "2024-13-01",
		"2024-03-01T05:59", "2024-03-01 05:59 UTC"};
	char text[TIME_LOCAL_SIZE];
	int64_t seconds;

	setenv("TZ", "XYZ-6", 1);
	tzset();
	time_format_local(1709251199, text);
	ASSERT_STREQ(text, "2024-03-01 05:59 XYZ");
	ASSERT_OK(time_parse_local("2024-03-01 05:59:59", &seconds));
	ASSERT_EQ(seconds, 1709251199);
	ASSERT_OK(time_parse_local("2024-03-01 05:59", &seconds));
	ASSERT_EQ(seconds, 1709251140);
	ASSERT_OK(time_parse_local("2024-03-01", &seconds));
	ASSERT_EQ(seconds, 1709229600);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EINVAL, time_parse_local(bad[i], &seconds));
	unsetenv("TZ");
	tzset();
}

TEST(only_normal_paths_pass)
{
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/../b",
		"./a", "a/./b", "a\nb", "a\x7f"};
	static const char *const good[] = {"a", "a/b", "usr/lib/..x", "...", "a b", ".hidden/x"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT(!path_is_normal(bad[i]));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ASSERT(path_is_normal(good[i]));
	ASSERT(path_is_below("usr/lib/x", "usr/lib"));
	ASSERT(path_is_below("usr/lib", "usr/lib"));
	ASSERT(!path_is_below("usr/lib64", "usr/lib"));
}

TEST(files_are_replaced_whole)
{
	_cleanup_fd_ int dir = open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ uint8_t *data = NULL;
	struct stat st;
	size_t size;

	ASSERT_OK(path_make_directories(dir, "a/b", 0755));
	ASSERT_OK(file_write_atomic(dir, "a/b/f", "one", 3, 0644));
	ASSERT_OK(file_write_atomic(dir, "a/b/f", "twos", 4, 0600));
	ASSERT_OK(file_read(dir, "a/b/f", 4, &data, &size));
	ASSERT_EQ(size, 4);
	ASSERT_STREQ(data, "twos");
	ASSERT_EQ(fstatat(dir, "a/b/f", &st, 0), 0);
	ASSERT_EQ(st.st_mode & 07777, 0600);
	ASSERT_ERROR(-EFBIG, file_read(dir, "a/b/f", 3, &data, &size));
	ASSERT_ERROR(-ENOENT, file_write_atomic(dir, "missing/f", "x", 1, 0644));
	ASSERT_OK(file_link_atomic(dir, "b", "a/link"));
	ASSERT_OK(file_link_atomic(dir, "c", "a/link"));
	ASSERT_ERROR(-ELOOP, file_read(dir, "a/link", 3, &data, &size));
	ASSERT_OK(path_remove_tree(dir, "a"));
	ASSERT(!file_exists(dir, "a"));
	ASSERT_OK(path_remove_tree(dir, "a"));
}

TEST(a_failed_write_leaves_the_old_file)
{
	_cleanup_fd_ int dir = open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	ASSERT_OK(file_write_atomic(dir, "kept", "old", 3, 0644));
	TEST_EACH_ALLOCATION(file_write_atomic(dir, "kept", "old", 3, 0644), (void)0);
	ASSERT_OK(file_read(dir, "kept", 10, &data, &size));
	ASSERT_STREQ(data, "old");
}

TEST(what_killed_writers_left_is_removed)
{
	static const char *const left[] = {"u/a.json.12.tmp", "u/a.json.3456.tmp", "u/b.7.tmp"};
	static const char *const others[] = {"u/a.json", "u/a.tmp", "u/.12.tmp",
		"u/a.json.12.tmp.x", "u/a.json.x12.tmp", "u/a.json..tmp", "u/12.tmp"};
	_cleanup_fd_ int dir = open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ASSERT_OK(path_make_directories(dir, "u", 0755));
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		ASSERT_OK(file_write_atomic(dir, left[i], "x", 1, 0644));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ASSERT_OK(file_write_atomic(dir, others[i], "x", 1, 0644));
	ASSERT_OK(file_remove_unfinished(dir, "u", "a.json"));
	ASSERT(!file_exists(dir, left[0]) && !file_exists(dir, left[1]));
	ASSERT(file_exists(dir, left[2]));
	ASSERT_OK(file_remove_unfinished(dir, "u", NULL));
	ASSERT(!file_exists(dir, left[2]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ASSERT(file_exists(dir, others[i]));
	ASSERT_OK(file_remove_unfinished(dir, "missing", NULL));
}

static int draft_whole(int dir)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r = file_draft_open(dir, "drafted", 0644, &draft);

	if (r == 0)
		r = fd_write_full(draft.fd, "new", 3);
	return r < 0 ? r : file_draft_finish(&draft);
}

TEST(drafts_appear_whole_or_not_at_all)
{
	_cleanup_fd_ int dir = open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	ASSERT_OK(file_draft_open(dir, "drafted", 0644, &draft));
	ASSERT_OK(fd_write_full(draft.fd, "half", 4));
	file_draft_done(&draft);
	ASSERT(!file_exists(dir, "drafted"));
	ASSERT_OK(draft_whole(dir));
	ASSERT_OK(draft_whole(dir)); /* over what is there */
	ASSERT_OK(file_read(dir, "drafted", 10, &data, &size));
	ASSERT_EQ(size, 3);
	ASSERT_MEMEQ(data, "new", 3);
	ASSERT_ERROR(-ENOENT, file_draft_open(dir, "missing/f", 0644, &draft));
	TEST_EACH_ALLOCATION(draft_whole(dir), (void)0);
}

TEST(arrays_grow_by_one)
{
	int *numbers = NULL;

	for (size_t i = 0; i < 1000; i++) {
		ASSERT_OK(memory_grow(&numbers, i, sizeof(*numbers)));
		ASSERT_EQ(numbers[i], 0);
		numbers[i] = (int)i;
	}
	for (size_t i = 0; i < 1000; i++)
		ASSERT_EQ(numbers[i], (int)i);
	free(numbers);
	for (size_t i = 0; i < 70; i++) {
		numbers = memory_new_growable(i, sizeof(*numbers));
		ASSERT_OK(memory_grow(&numbers, i, sizeof(*numbers)));
		ASSERT(malloc_usable_size(numbers) >= (i + 1) * sizeof(*numbers));
		free(numbers);
	}
	ASSERT(memory_new_array(SIZE_MAX / 2, 3) == NULL);
	ASSERT(memory_new_growable(SIZE_MAX, 3) == NULL);
}

typedef struct Counter {
	size_t made, blocks;
} Counter;

static void *count_up(void *userdata, size_t size)
{
	Counter *counter = userdata;
	char *p = malloc(size);

	counter->made++;
	counter->blocks++;
	return p ? memset(p, 0xa5, size) : NULL;
}

static void count_down(void *userdata, void *memory)
{
	Counter *counter = userdata;

	counter->blocks--;
	free(memory);
}

TEST(a_thread_can_use_another_allocator)
{
	Counter counter = {};
	const MemoryAllocator allocator = {count_up, count_down, &counter};
	const MemoryAllocator *before = memory_use(&allocator);
	char *zeroes = memory_new(3), *text = memory_printf("%d and %s", 4, "five");
	int *numbers = NULL;

	for (size_t i = 0; i < 100 && memory_grow(&numbers, i, sizeof(*numbers)) == 0; i++)
		numbers[i] = (int)i;
	memory_use(before);
	ASSERT(before == NULL);
	ASSERT_EQ(counter.made, 10); /* the numbers grew 8 times */
	ASSERT_EQ(counter.blocks, 3);
	ASSERT_MEMEQ(zeroes, "\0\0\0", 3);
	ASSERT_STREQ(text, "4 and five");
	for (size_t i = 0; i < 100; i++)
		ASSERT_EQ(numbers[i], (int)i);
	memory_use(&allocator);
	memory_free(zeroes);
	memory_free(text);
	memory_free(numbers);
	memory_free(NULL);
	memory_use(NULL);
	ASSERT_EQ(counter.blocks, 0);
}

static int append_twice(Buffer *buffer)
{
	int r = buffer_text(buffer, "hello ");

	return r < 0 ? r : buffer_printf(buffer, "%d", 42);
}

TEST(buffers_end_with_nul)
{
	Buffer buffer = {};

	TEST_EACH_ALLOCATION((buffer_done(&buffer), append_twice(&buffer)), (void)0);
	ASSERT_STREQ(buffer.data, "hello 42");
	ASSERT_EQ(buffer.size, 8);
	buffer_done(&buffer);
}

TEST(processes_give_their_output_and_status)
{
	const char *const cat[] = {"/bin/cat", NULL};
	const char *const fail[] = {"/bin/sh", "-c", "echo out; exit 3", NULL};
	const char *const none[] = {"/nonexistent/program", NULL};
	_cleanup_free_ uint8_t *output = NULL, *more = NULL;
	Reason reason = {};
	size_t size;
	int status;

	ASSERT_OK(process_run(cat, "abc", 3, 100, &output, &size, &status, &reason));
	ASSERT_STREQ(output, "abc");
	ASSERT_EQ(status, 0);
	ASSERT_OK(process_run(fail, NULL, 0, 100, &more, &size, &status, &reason));
	ASSERT_EQ(status, 3);
	ASSERT_ERROR(-EFBIG, process_run(cat, "abc", 3, 2, &output, &size, &status, &reason));
	ASSERT_ERROR(-ENOENT, process_run(none, NULL, 0, 2, &output, &size, &status, &reason));
	ASSERT(strstr(reason.text, "/nonexistent/program"));
}

TEST(processes_are_killed_when_their_time_is_over)
{
	/* The shell's child holds the output open; the other one closes it and stays. */
	const char *const hold[] = {"/bin/sh", "-c", "sleep 6 & wait", NULL};
	const char *const stay[] = {"/bin/sh", "-c", "exec >&-; exec sleep 6", NULL};
	const char *const quick[] = {"/bin/sh", "-c", "cat; cat <&5", NULL};
	_cleanup_fd_ int more = fd_of_data("more", "def", 3);
	Process late = {.argv = hold, .seconds = 1}, silent = {.argv = stay, .seconds = 1};
	Process good = {.argv = quick, .seconds = 60, .map = {{more, 5}}, .map_count = 1};
	_cleanup_free_ uint8_t *output = NULL;
	Reason reason = {};
	size_t size;
	int status;

	ASSERT_ERROR(
		-ETIMEDOUT, process_exchange(&late, "", 0, 9, &output, &size, &status, &reason));
	ASSERT_EQ(late.pid, 0);
	ASSERT_ERROR(
		-ETIMEDOUT, process_exchange(&silent, "", 0, 9, &output, &size, &status, &reason));
	ASSERT(strstr(reason.text, "sh"));
	ASSERT_OK(process_exchange(&good, "abc", 3, 9, &output, &size, &status, &reason));
	ASSERT_EQ(status, 0);
	ASSERT_STREQ(output, "abcdef");
}

/* Its children may hold its output open, and write on. */
TEST(the_end_of_a_process_is_that_of_its_output)
{
	_cleanup_free_ char *mark = memory_printf("%s/left-behind", test_folder());
	_cleanup_free_ char *script =
		memory_printf("sleep 9 & (sleep 1; touch %s) & echo out; exit 3", mark);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	Process process = {.argv = argv, .leads_group = true};
	uint64_t start = time_monotonic_us();
	_cleanup_free_ uint8_t *output = NULL;
	size_t size;
	int status;

	ASSERT_OK(process_exchange(&process, "", 0, 1 << 20, &output, &size, &status, NULL));
	ASSERT(time_monotonic_us() - start < 900000);
	ASSERT_EQ(status, 3);
	ASSERT(strstr((const char *)output, "out\n"));
	usleep(1500000);
	ASSERT(!file_exists(AT_FDCWD, mark));
}

TEST(blanks_are_cut_off_at_both_ends)
{
	static const char *const texts[][2] = {
		{"", ""}, {" \t\r", ""}, {"a", "a"}, {"\t a b \r", "a b"}, {"\na", "\na"}};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *copy = memory_string(texts[i][0]);

		ASSERT_STREQ(text_trim(copy), texts[i][1]);
	}
}

TEST(reasons_hold_no_control_characters)
{
	Reason reason;

	ASSERT_EQ(reason_set(&reason, -EBADMSG, "bad name %s", "\x1b[2J"), -EBADMSG);
	ASSERT_STREQ(reason.text, "bad name ?[2J");
	ASSERT_EQ(reason_set(NULL, -5, "nobody listens"), -5);
}

TEST(reasons_are_well_formed_text)
{
	static const struct {
		const char *given, *kept;
	} texts[] = {
		{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0", NULL},
		{"\xc2\x9b"
		 "31m",
			"??31m"}, /* escapes of one character */
		{"a\xff", "a?"},
		{"\xe4 b", "? b"},
		{"\xc0\xaf", "??"},
		{"\xed\xa0\x80", "???"},
		{"\xe0\x9f\xbf", "???"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xf8\x88\x80\x80\x80", "?????"},
		{"\xe2\x82", "??"},
	};
	char full[REASON_TEXT_MAX];
	Reason reason;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		reason_set(&reason, 0, "%s", texts[i].given);
		ASSERT_STREQ(reason.text, texts[i].kept ? texts[i].kept : texts[i].given);
	}
	memset(full, 'x', sizeof(full) - 1);
	full[sizeof(full) - 1] = '\0';
	full[sizeof(full) - 2] = '\xc3'; /* whose other byte does not fit any more */
	reason_set(&reason, 0, "%s\xa4", full);
	ASSERT_EQ(reason.text[sizeof(full) - 2], '?');
}

TEST(exit_codes_tell_the_cases_apart)
{
	ASSERT_EQ(exit_code_of(0), EXIT_OK);
	ASSERT_EQ(exit_code_of(-EKEYREJECTED), EXIT_NOT_VERIFIED);
	ASSERT_EQ(exit_code_of(-EBUSY), EXIT_DEFERRED);
	ASSERT_EQ(exit_code_of(-ENOSPC), EXIT_FAILED);
}

typedef struct Seen {
	size_t count;
	char ranges[256][64], paths[256][256];
} Seen;

static int see(pid_t pid, const Mapping *mapping, void *context)
{
	Seen *seen = context;

	if (!mapping->executable || seen->count == ARRAY_SIZE(seen->ranges))
		return 0;
	snprintf(seen->ranges[seen->count], sizeof(seen->ranges[0]), "%s %u:%u %llu",
		mapping->range, mapping->major, mapping->minor, (unsigned long long)mapping->inode);
	snprintf(seen->paths[seen->count++], sizeof(seen->paths[0]), "%s", mapping->path);
	return 0;
}

TEST(maps_are_the_same_by_text_and_by_query)
{
	Seen text = {}, query = {}, all = {};

	ASSERT_OK(maps_visit(getpid(), see, &all));
	maps_use_text(true);
	ASSERT_OK(maps_visit_executable(getpid(), see, &text));
	maps_use_text(false);
	ASSERT_OK(maps_visit_executable(getpid(), see, &query));
	ASSERT(text.count > 0);
	ASSERT_EQ(text.count, all.count);
	ASSERT_EQ(query.count, text.count);
	for (size_t i = 0; i < text.count; i++) {
		ASSERT_STREQ(query.ranges[i], text.ranges[i]);
		ASSERT_STREQ(query.paths[i], text.paths[i]);
	}
}
