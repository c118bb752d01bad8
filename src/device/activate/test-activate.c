/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/sysmacros.h>

#include "base/maps.h"
#include "base/mountinfo.h"
#include "test.h"

static const char good[] =
	"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
	"36 22 0:40 /sub\\040dir /mnt\\134x\\011y ro shared:2 master:1 propagate_from:3 - overlay "
	"suture ro,lowerdir+=/a\n"
	"37 22 0:41 / /proc rw - proc  rw\n";

TEST(mountinfo_is_unescaped)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	const MountEntry *entry;

	ASSERT_OK(mount_table_parse(good, strlen(good), &table, NULL));
	ASSERT_EQ(table->count, 3);
	entry = mount_table_find(table, 36);
	ASSERT_EQ(entry->parent, 22);
	ASSERT_EQ(entry->device, makedev(0, 40));
	ASSERT_STREQ(entry->root, "/sub dir");
	ASSERT_STREQ(entry->point, "/mnt\\x\ty");
	ASSERT_STREQ(entry->type, "overlay");
	ASSERT_STREQ(entry->source, "suture");
	ASSERT_STREQ(mount_table_find(table, 37)->source, "");
	ASSERT(!mount_table_find(table, 1));
}

TEST(places_mean_the_same_on_every_mount)
{
	static const char text[] = "1 1 254:0 / / rw - ext4 /dev/vda rw\n"
				   "2 1 254:0 /usr/lib /copy ro - ext4 /dev/vda rw\n"
				   "3 1 0:50 / /usr ro - overlay sysext ro\n"
				   "4 1 0:51 / /copy ro - tmpfs none ro\n";
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	MountPlace plain = {}, copy = {}, merged = {}, root = {};

	ASSERT_OK(mount_table_parse(text, strlen(text), &table, NULL));
	ASSERT_OK(mount_place(mount_table_find(table, 1), "/usr/lib/x", &plain));
	ASSERT_STREQ(plain.path, "/usr/lib/x");
	ASSERT_OK(mount_place(mount_table_find(table, 2), "/copy/x", &copy));
	ASSERT(mount_place_equal(&plain, &copy));
	ASSERT_OK(mount_place(mount_table_find(table, 3), "/usr/lib/x", &merged));
	ASSERT_STREQ(merged.path, "/lib/x");
	ASSERT(!mount_place_equal(&plain, &merged));
	ASSERT_OK(mount_place(mount_table_find(table, 3), "/usr", &root));
	ASSERT_STREQ(root.path, "");
	ASSERT(!mount_place_equal(&root, &merged));
	mount_place_done(&plain);
	ASSERT(!mount_place_equal(&plain, &copy));
	mount_place_done(&copy);
	mount_place_done(&merged);
	mount_place_done(&root);
	ASSERT_EQ(mount_table_at(table, "/copy")->id, 4); /* the last one is on top */
	ASSERT(!mount_table_at(table, "/cop"));
}

TEST(malformed_mountinfo_is_refused)
{
	static const char *const bad[] = {"x\n", "1 2 3 / / rw - a b c\n", "1 2 3:4 / / rw\n",
		"1 2 3:4 / / rw - a\n", "1 -2 3:4 / / rw - a b c\n", "\n"};
	MountTable *table;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EBADMSG, mount_table_parse(bad[i], strlen(bad[i]), &table, NULL));
}

TEST(mountinfo_survives_a_lack_of_memory)
{
	MountTable *table = NULL;

	TEST_EACH_ALLOCATION(mount_table_parse(good, strlen(good), &table, NULL), (void)0);
	mount_table_free(table);
}

TEST(maps_lines)
{
	char mapped[] = "7f00-7f01 r-xp 0001c000 fe:0a 1234                 /usr/lib/a b (deleted)";
	char anonymous[] = "7f00-7f01 rw-p 00000000 00:00 0 ";
	char bad[] = "7f00-7f01 r-xp 0 fe 12 /x", empty[] = "";
	Mapping mapping;

	ASSERT_OK(mapping_parse(mapped, &mapping));
	ASSERT_STREQ(mapping.range, "7f00-7f01");
	ASSERT(mapping.executable);
	ASSERT_EQ(mapping.major, 0xfe);
	ASSERT_EQ(mapping.minor, 10);
	ASSERT_EQ(mapping.inode, 1234);
	ASSERT_STREQ(mapping.path, "/usr/lib/a b (deleted)");
	ASSERT_OK(mapping_parse(anonymous, &mapping));
	ASSERT_EQ(mapping.inode, 0);
	ASSERT(!mapping.executable);
	ASSERT_ERROR(-EBADMSG, mapping_parse(bad, &mapping));
	ASSERT_ERROR(-EBADMSG, mapping_parse(empty, &mapping));
}
