/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/bundle.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"

#define NAME_SIZE   100
#define PREFIX_SIZE 155
#define MAGIC                                                                                      \
	"ustar\0"                                                                                  \
	"00" /* and the version */
#define MAGIC_SIZE     8
#define REGULAR_FILE   '0'
#define CHECKSUM_BLANK ' ' /* what its own field counts as */

/* Where the fields of a header are. */
typedef struct Header {
	char name[NAME_SIZE];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12], checksum[8];
	char type;
	char link[NAME_SIZE];
	char magic[MAGIC_SIZE];
	char user[32], group[32];
	char major[8], minor[8];
	char prefix[PREFIX_SIZE];
	char rest[12];
} Header;
_Static_assert(sizeof(Header) == BUNDLE_BLOCK_SIZE, "the header fills its block");

static bool is_zero(const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* Octal digits, then blanks or NULs to the end of the field, one at least; none at all is 0. GNU's
 * and star's forms for larger numbers are refused. */
static bool read_octal(const char *field, size_t size, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		number = number << 3 | (uint64_t)(field[i] - '0');
	if (i == size)
		return false;
	for (; i < size; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return false;
	*ret_number = number;
	return true;
}

static bool is_checksum_good(const uint8_t *block, const Header *header)
{
	size_t start = offsetof(Header, checksum);
	uint64_t sum = 0, expected;

	for (size_t i = 0; i < BUNDLE_BLOCK_SIZE; i++)
		sum += i >= start && i < start + sizeof(header->checksum) ? CHECKSUM_BLANK
									  : block[i];
	return read_octal(header->checksum, sizeof(header->checksum), &expected) && sum == expected;
}

static bool are_numbers_good(const Header *header)
{
	const struct {
		const char *field;
		size_t size;
		bool must_be_zero;
	} fields[] = {
		{header->mode, sizeof(header->mode), false},
		{header->uid, sizeof(header->uid), false},
		{header->gid, sizeof(header->gid), false},
		{header->mtime, sizeof(header->mtime), false},
		{header->major, sizeof(header->major), true},
		{header->minor, sizeof(header->minor), true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint64_t number;

		if (!read_octal(fields[i].field, fields[i].size, &number) ||
			(fields[i].must_be_zero && number > 0))
			return false;
	}
	return true;
}

/* A field that is text up to its first NUL, and NUL from there on. */
static bool is_clean_text(const char *field, size_t size)
{
	size_t length = strnlen(field, size);

	return is_zero(field + length, size - length);
}

static bool join_name(const Header *header, char ret_name[static BUNDLE_NAME_SIZE])
{
	int prefix = (int)strnlen(header->prefix, sizeof(header->prefix));

	if (!is_clean_text(header->name, sizeof(header->name)) ||
		!is_clean_text(header->prefix, sizeof(header->prefix)))
		return false;
	snprintf(ret_name, BUNDLE_NAME_SIZE, "%.*s%s%.*s", prefix, header->prefix,
		prefix > 0 ? "/" : "", NAME_SIZE, header->name);
	return path_is_normal(ret_name) &&
		(text_starts_with(ret_name, "metadata/") ||
			text_starts_with(ret_name, "targets/") ||
			text_starts_with(ret_name, "blobs/"));
}

int bundle_parse_header(const uint8_t block[static BUNDLE_BLOCK_SIZE],
	char ret_name[static BUNDLE_NAME_SIZE], uint64_t *ret_size, const char **ret_wrong)
{
	char name[BUNDLE_NAME_SIZE];
	Header header;
	uint64_t size;

	memcpy(&header, block, sizeof(header));
	if (memcmp(header.magic, MAGIC, MAGIC_SIZE) != 0)
		*ret_wrong = "it is not a ustar archive";
	else if (!is_checksum_good(block, &header))
		*ret_wrong = "a header has a wrong checksum";
	else if (header.type != REGULAR_FILE || !is_zero(header.link, sizeof(header.link)))
		*ret_wrong = "it has something else than regular files";
	else if (header.size[0] == '\0' || header.size[0] == ' ' ||
		!read_octal(header.size, sizeof(header.size), &size) ||
		!are_numbers_good(&header) || !is_zero(header.rest, sizeof(header.rest)))
		*ret_wrong = "a header is malformed";
	else if (!join_name(&header, name))
		*ret_wrong = "a name in it is not one of a repository's";
	else {
		memcpy(ret_name, name, sizeof(name));
		*ret_size = size;
		return 0;
	}
	return -EBADMSG;
}

/* On the way through an archive. */
typedef struct Walk {
	int fd;
	const char *name; /* looked for */
	uint64_t end;     /* of the file */
	uint64_t at;      /* of the next header */
	uint64_t padding; /* in front of it */
	bool found;
	BundleMember member;
	const char *wrong;
} Walk;

static int fail(Walk *walk, const char *wrong)
{
	walk->wrong = wrong;
	return -EBADMSG;
}

/* The empty blocks at the end; what hides behind them was never looked at. */
static int check_tail(Walk *walk)
{
	uint8_t tail[BUNDLE_TAIL_MAX];
	uint64_t size = walk->end - walk->at;
	int r;

	if (size < 2 * BUNDLE_BLOCK_SIZE || size > sizeof(tail))
		return fail(walk, "it does not end as an archive does");
	r = fd_pread_full(walk->fd, tail, size, walk->at);
	if (r == 0 && !is_zero(tail, size))
		return fail(walk, "something stands behind its end");
	return r;
}

static int take_member(Walk *walk, const uint8_t *block)
{
	char name[BUNDLE_NAME_SIZE];
	uint64_t size, data = walk->at + BUNDLE_BLOCK_SIZE;
	int r = bundle_parse_header(block, name, &size, &walk->wrong);

	if (r < 0)
		return r;
	if (size > walk->end - data)
		return fail(walk, "a member is cut off");
	if (strcmp(name, walk->name) == 0) {
		if (walk->found)
			return fail(walk, "it has a member twice");
		walk->found = true;
		walk->member = (BundleMember){data, size};
	}
	walk->padding = -size % BUNDLE_BLOCK_SIZE;
	walk->at = data + size + walk->padding;
	return 0;
}

/* One member, or the end, which is 1. */
static int step(Walk *walk)
{
	uint8_t buffer[2 * BUNDLE_BLOCK_SIZE], *block = buffer + walk->padding;
	int r;

	if (walk->at > walk->end || walk->end - walk->at < BUNDLE_BLOCK_SIZE)
		return fail(walk, "it is cut off");
	r = fd_pread_full(
		walk->fd, buffer, walk->padding + BUNDLE_BLOCK_SIZE, walk->at - walk->padding);
	if (r < 0)
		return r;
	if (!is_zero(buffer, walk->padding))
		return fail(walk, "something stands between its members");
	if (!is_zero(block, BUNDLE_BLOCK_SIZE))
		return take_member(walk, block);
	r = check_tail(walk);
	return r < 0 ? r : 1;
}

int bundle_find(int fd, const char *name, BundleMember *ret_member, Reason *reterr_reason)
{
	Walk walk = {.fd = fd, .name = name};
	int r = fd_size(fd, &walk.end);

	for (uint32_t members = 0; r == 0; members++)
		r = members > BUNDLE_MEMBERS_MAX ? fail(&walk, "it has too many members")
						 : step(&walk);
	if (r == -EBADMSG)
		return reason_set(reterr_reason, r, "the bundle is damaged: %s", walk.wrong);
	if (r < 0)
		return reason_errno(reterr_reason, r, "the bundle cannot be read");
	if (!walk.found)
		return -ENOENT;
	*ret_member = walk.member;
	return 0;
}
