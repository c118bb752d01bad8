/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "device/fetch/bundle.h"
#include "test.h"

#define TIMESTAMP "metadata/timestamp.json"

static void seal_header(char *block)
{
	unsigned sum = 0;

	memset(block + 148, ' ', 8);
	for (int i = 0; i < BUNDLE_BLOCK_SIZE; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
}

static void make_header(char *block, const char *prefix, const char *name, unsigned size)
{
	memset(block, 0, BUNDLE_BLOCK_SIZE);
	memcpy(block, name, strlen(name));
	memcpy(block + 345, prefix, strlen(prefix));
	memcpy(block + 100, "0000644", 7);
	memcpy(block + 108, "0000000", 7);
	memcpy(block + 116, "0000000", 7);
	snprintf(block + 124, 12, "%011o", size);
	memcpy(block + 136, "00000000000", 11);
	block[156] = '0';
	memcpy(block + 257,
		"ustar\0"
		"00",
		8);
	seal_header(block);
}

static void add(Buffer *archive, const char *name, const char *data)
{
	static const char zeros[BUNDLE_BLOCK_SIZE];
	char block[BUNDLE_BLOCK_SIZE];
	size_t size = strlen(data);

	make_header(block, "", name, (unsigned)size);
	ASSERT_OK(buffer_append(archive, block, sizeof(block)));
	ASSERT_OK(buffer_append(archive, data, size));
	ASSERT_OK(buffer_append(archive, zeros, -size % BUNDLE_BLOCK_SIZE));
}

static void end(Buffer *archive, size_t blocks)
{
	static const char zeros[BUNDLE_BLOCK_SIZE];

	for (size_t i = 0; i < blocks; i++)
		ASSERT_OK(buffer_append(archive, zeros, sizeof(zeros)));
}

static void fill(Buffer *archive)
{
	add(archive, TIMESTAMP, "{1}");
	add(archive, "targets/a/index.json", "");
	add(archive, "blobs/ab/cd", "data");
	end(archive, 2);
}

static int find(const Buffer *archive, const char *name, BundleMember *member, Reason *reason)
{
	_cleanup_fd_ int fd = fd_of_data("bundle", archive->data, archive->size);

	ASSERT(fd >= 0);
	return bundle_find(fd, name, member, reason);
}

TEST(members_are_found_wherever_they_stand)
{
	_cleanup_buffer_ Buffer archive = {};
	BundleMember member;

	fill(&archive);
	ASSERT_OK(find(&archive, TIMESTAMP, &member, NULL));
	ASSERT_EQ(member.offset, 512);
	ASSERT_EQ(member.size, 3);
	ASSERT_OK(find(&archive, "targets/a/index.json", &member, NULL));
	ASSERT_EQ(member.size, 0);
	ASSERT_OK(find(&archive, "blobs/ab/cd", &member, NULL));
	ASSERT_EQ(member.offset, 512 * 4);
	ASSERT_ERROR(-ENOENT, find(&archive, "metadata/timestamp.jso", &member, NULL));
	ASSERT_ERROR(-ENOENT, find(&archive, "", &member, NULL));
}

TEST(an_empty_bundle_has_nothing_and_may_be_filled_up)
{
	_cleanup_buffer_ Buffer archive = {};
	BundleMember member;

	end(&archive, 2);
	ASSERT_ERROR(-ENOENT, find(&archive, TIMESTAMP, &member, NULL));
	end(&archive, 18);
	ASSERT_ERROR(-ENOENT, find(&archive, TIMESTAMP, &member, NULL));
	end(&archive, 21);
	ASSERT_ERROR(-EBADMSG, find(&archive, TIMESTAMP, &member, NULL));
}

TEST(every_cut_is_noticed)
{
	_cleanup_buffer_ Buffer archive = {};
	BundleMember member;

	fill(&archive);
	for (size_t size = archive.size - 1; size < archive.size; size--) {
		const Buffer cut = {.data = archive.data, .size = size};
		Reason reason = {};

		ASSERT_ERROR(-EBADMSG, find(&cut, TIMESTAMP, &member, &reason));
		ASSERT(reason.text[0]);
	}
}

/* Bytes of a member are not looked at; all else must be as it is. */
TEST(every_flipped_bit_around_the_members_is_noticed)
{
	_cleanup_buffer_ Buffer archive = {};

	fill(&archive);
	for (size_t i = 0; i < archive.size; i++) {
		BundleMember member = {};
		bool is_data = (i >= 512 && i < 515) || (i >= 2048 && i < 2052);
		int r;

		archive.data[i] ^= 0x01;
		r = find(&archive, TIMESTAMP, &member, NULL);
		if (is_data ? r != 0 || member.offset != 512 : r != -EBADMSG)
			test_fail(__FILE__, __LINE__, "byte %zu: %d", i, r);
		archive.data[i] ^= 0x01;
	}
}

TEST(names_may_be_split)
{
	_cleanup_buffer_ Buffer archive = {};
	char block[BUNDLE_BLOCK_SIZE], prefix[156] = "targets/", name[101], whole[258];
	BundleMember member;

	memset(prefix + 8, 'p', 147);
	memset(name, 'n', 100);
	prefix[155] = name[100] = '\0';
	make_header(block, prefix, name, 0);
	ASSERT_OK(buffer_append(&archive, block, sizeof(block)));
	end(&archive, 2);
	snprintf(whole, sizeof(whole), "%s/%s", prefix, name);
	ASSERT_OK(find(&archive, whole, &member, NULL));
}

static void refuse(const char *block, const char *words)
{
	_cleanup_buffer_ Buffer archive = {};
	BundleMember member;
	Reason reason = {};

	ASSERT_OK(buffer_append(&archive, block, BUNDLE_BLOCK_SIZE));
	end(&archive, 2);
	ASSERT_ERROR(-EBADMSG, find(&archive, TIMESTAMP, &member, &reason));
	if (!strstr(reason.text, words))
		test_fail(words, 0, "%s", reason.text);
}

TEST(only_a_repositorys_names_are_taken)
{
	static const char *const names[] = {"", "/metadata/a", "metadata", "metadata/",
		"metadata//a", "metadata/../a", "../metadata/a", "./metadata/a", "etc/passwd",
		"METADATA/a", "metadata/a\n", "metadata/a/"};
	char block[BUNDLE_BLOCK_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		make_header(block, "", names[i], 0);
		refuse(block, "name");
	}
	make_header(block, "", "metadata/a", 0);
	block[20] = 'x'; /* behind the name's end */
	seal_header(block);
	refuse(block, "name");
}

TEST(other_kinds_of_members_and_archives_are_refused)
{
	static const char types[] = {
		'\0', '1', '2', '3', '4', '5', '6', '7', 'x', 'g', 'L', 'K', 'S'};
	static const struct {
		size_t at;
		const char *text, *words;
	} changes[] = {
		{257, "ustar  ", "not a ustar"},
		{263, "01", "not a ustar"},
		{257, "USTAR", "not a ustar"},
		{157, "link", "regular"},
		{124, "\x80", "malformed"},
		{124, "0000000000000", "malformed"},
		{124, "           ", "malformed"},
		{124, "00000000008", "malformed"},
		{124, "-0000000001", "malformed"},
		{136, "x", "malformed"},
		{100, "0000888", "malformed"},
		{329, "0000001", "malformed"},
		{500, "x", "malformed"},
		{124, "77777777777", "cut off"},
	};
	char block[BUNDLE_BLOCK_SIZE];

	for (size_t i = 0; i < sizeof(types); i++) {
		make_header(block, "", TIMESTAMP, 0);
		block[156] = types[i];
		seal_header(block);
		refuse(block, "regular");
	}
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		make_header(block, "", TIMESTAMP, 0);
		memcpy(block + changes[i].at, changes[i].text, strlen(changes[i].text));
		seal_header(block);
		refuse(block, changes[i].words);
	}
	make_header(block, "", TIMESTAMP, 0);
	block[148]++;
	refuse(block, "checksum");
}

TEST(what_is_there_twice_is_refused)
{
	_cleanup_buffer_ Buffer archive = {};
	BundleMember member;

	add(&archive, TIMESTAMP, "{1}");
	add(&archive, TIMESTAMP, "{2}");
	end(&archive, 2);
	ASSERT_ERROR(-EBADMSG, find(&archive, TIMESTAMP, &member, NULL));
}

TEST(what_hides_between_or_behind_is_refused)
{
	_cleanup_buffer_ Buffer archive = {};
	BundleMember member;

	fill(&archive);
	archive.data[archive.size - 1] = 1;
	ASSERT_ERROR(-EBADMSG, find(&archive, TIMESTAMP, &member, NULL));
	archive.data[archive.size - 1] = 0;
	ASSERT_OK(find(&archive, TIMESTAMP, &member, NULL));
	add(&archive, "metadata/more", "");
	end(&archive, 2);
	ASSERT_ERROR(-EBADMSG, find(&archive, TIMESTAMP, &member, NULL));
}

TEST(too_many_members_are_refused)
{
	_cleanup_buffer_ Buffer archive = {};
	BundleMember member;

	for (size_t i = 0; i <= BUNDLE_MEMBERS_MAX; i++)
		add(&archive, "metadata/a", "");
	end(&archive, 2);
	ASSERT_ERROR(-EBADMSG, find(&archive, TIMESTAMP, &member, NULL));
}
