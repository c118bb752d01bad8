/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "device/exposure/exposure.h"
#include "device/exposure/memo.h"
#include "device/exposure/modules.h"
#include "device/exposure/place.h"
#include "device/exposure/process.h"
#include "test.h"

static const struct {
	const char *cgroup;
	const char *unit; /* NULL: none */
} units[] = {
	{"0::/system.slice/nginx.service\n", "nginx.service"},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope\n", "app-x.scope"},
	{"12:cpu:/system.slice/old.service\n0::/system.slice/new.service/sub\n", "new.service"},
	{"0::/init.scope\n", "init.scope"},
	{"0::/\n", NULL},
	{"0::/system.slice\n", NULL},
	{"1:name=systemd:/system.slice/v1.service\n", NULL},
	{"", NULL},
};

TEST(units_of_control_groups)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		_cleanup_free_ char *unit = NULL;

		ASSERT_EQ(exposure_unit_of(units[i].cgroup, &unit), units[i].unit ? 0 : -ENOENT);
		if (units[i].unit)
			ASSERT_STREQ(unit, units[i].unit);
	}
}

TEST(units_survive_a_lack_of_memory)
{
	char *unit = NULL;

	TEST_EACH_ALLOCATION(exposure_unit_of("0::/a.service\n", &unit), (void)0);
	free(unit);
}

static int want(ExposureFiles *files)
{
	const ExposureImage image = {.component = "tls", .ids = "CVE-1"};

	return exposure_want_removed(files, &image, "usr/lib/x");
}

TEST(wanted_files_survive_a_lack_of_memory)
{
	ExposureFiles files = {};

	TEST_EACH_ALLOCATION((exposure_files_done(&files), want(&files)), (void)0);
	ASSERT(files.items[0].removed);
	exposure_files_done(&files);
}

static int want_all(ExposureFiles *files)
{
	const Digest digest = {{1}};
	const ExposureImage image = {
		.digest = &digest, .component = "py", .ids = "", .has_hosts = true};
	int r = exposure_want_file(files, &image, FILE_KERNEL, "usr/lib/x.ko", &digest, "00ff");

	if (r == 0)
		r = exposure_want_file(
			files, &image, FILE_READ_ONCE, "usr/lib/x.py", &digest, NULL);
	if (r == 0)
		r = exposure_want_removed(files, &image, "usr/lib/y.ko.xz");
	return r < 0 ? r : exposure_want_host(files, &image, "usr/bin/python3.11");
}

TEST(kinds_of_files_are_looked_for_in_their_ways)
{
	const ExposureImage without = {.component = "py", .ids = ""};
	ExposureFiles files = {};

	TEST_EACH_ALLOCATION((exposure_files_done(&files), want_all(&files)), (void)0);
	ASSERT_EQ(files.count, 3);
	ASSERT_EQ(files.items[0].use, USE_MODULE);
	ASSERT_STREQ(files.items[0].build_id, "00ff");
	ASSERT(files.items[1].use == USE_MODULE && !files.items[1].build_id);
	ASSERT(files.items[2].use == USE_HOST && files.items[2].digest.bytes[0] == 1);
	ASSERT_EQ(files.not_covered[FILE_READ_ONCE], 0);
	ASSERT_OK(exposure_want_file(
		&files, &without, FILE_READ_ONCE, "usr/lib/z.py", &(Digest){}, NULL));
	ASSERT_OK(exposure_want_file(&files, &without, FILE_DATA, "usr/lib/z", &(Digest){}, NULL));
	ASSERT_EQ(files.count, 3);
	ASSERT_EQ(files.not_covered[FILE_READ_ONCE], 1);
	ASSERT_EQ(files.not_covered[FILE_DATA], 1);
	exposure_files_done(&files);
}

static void check_name(const char *path, const char *expected)
{
	char name[MODULE_NAME_SIZE];

	module_name_of(path, name);
	ASSERT_STREQ(name, expected);
}

TEST(modules_are_named_as_the_kernel_does)
{
	check_name("usr/lib/modules/6.12/kernel/sound/snd-hda.ko.xz", "snd_hda");
	check_name("usr/lib/x_y.ko", "x_y");
	check_name("usr/lib/none", "");
	check_name(
		"usr/lib/"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		"ko",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

#define NOTE(type, id)                                                                             \
	{                                                                                          \
		4, sizeof(id) - 1, type, "GNU", id                                                 \
	}
typedef struct Note {
	uint32_t name_size, id_size, type;
	char name[4], id[4];
} Note;

TEST(build_ids_of_notes)
{
	const Note notes[] = {NOTE(1, "abcd"), NOTE(3, "\x01\x02\xff")};
	Note bad = NOTE(3, "abcd");
	char *id = module_build_id_of(notes, sizeof(notes));

	ASSERT_STREQ(id, "0102ff");
	free(id);
	ASSERT(!module_build_id_of(notes, sizeof(notes[0])));
	for (size_t size = 0; size < sizeof(bad); size++)
		ASSERT(!module_build_id_of(&bad, size));
	bad.id_size = UINT32_MAX;
	ASSERT(!module_build_id_of(&bad, sizeof(bad)));
	bad.id_size = 4;
	bad.name_size = UINT32_MAX - 2;
	ASSERT(!module_build_id_of(&bad, sizeof(bad)));
	bad.name_size = 4;
	memcpy(bad.name, "ABC", 4);
	ASSERT(!module_build_id_of(&bad, sizeof(bad)));
}

TEST(starts_of_processes)
{
	static const char good[] =
		"7 (a) b) c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9";
	static const char *const bad[] = {"", "7 (a", "7 (a) S 1 2 3",
		"7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x 9 9"};
	uint64_t start = 0;

	ASSERT_OK(process_start_of(good, &start));
	ASSERT_EQ(start, 12345 * UINT64_C(1000000) / (uint64_t)sysconf(_SC_CLK_TCK));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EBADMSG, process_start_of(bad[i], &start));
}

TEST(paths_are_alike_from_their_ends)
{
	ASSERT_EQ(place_likeness("usr/lib/x.so", "/usr/lib/x.so"), 3);
	ASSERT_EQ(place_likeness("usr/lib/x.so", "/srv/usr/lib/x.so"), 3);
	ASSERT_EQ(place_likeness("usr/lib/x.so", "/opt/lib/x.so"), 2);
	ASSERT_EQ(place_likeness("usr/lib/x.so", "/x.so"), 1);
	ASSERT_EQ(place_likeness("usr/lib/x.so", "/my-x.so"), 0);
	ASSERT_EQ(place_likeness("x.so", "/usr/my-x.so"), 0);
}

static int remember(Memo *memo, size_t count)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < count; i++) {
		const World world = {.namespace = i % 2, .root_inode = i % 3};
		char name[16];
		const Mapping mapping = {.major = 8, .inode = i / 6, .path = name};
		MemoEntry *entry;

		snprintf(name, sizeof(name), "/%zu", i % 5);
		r = memo_find(memo, &world, &mapping, &entry);
		if (r != 0)
			continue;
		entry->filled = true;
		entry->first = i;
	}
	return r < 0 ? r : 0;
}

TEST(files_are_remembered_by_world_and_name)
{
	Memo memo = {};

	TEST_EACH_ALLOCATION(remember(&memo, 3000), (void)0);
	memo_done(&memo);
	ASSERT_OK(remember(&memo, 3000));
	ASSERT_EQ(memo.used, 3000); /* no two are the same */
	for (size_t i = 0; i < 3000; i++) {
		const World world = {.namespace = i % 2, .root_inode = i % 3};
		char name[16];
		const Mapping mapping = {.major = 8, .inode = i / 6, .path = name};
		MemoEntry *entry;

		snprintf(name, sizeof(name), "/%zu", i % 5);
		ASSERT_EQ(memo_find(&memo, &world, &mapping, &entry), 1);
		ASSERT_EQ(entry->first, i);
	}
	memo_done(&memo);
}
