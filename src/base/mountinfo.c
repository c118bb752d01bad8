/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/text.h"

MountTable *mount_table_free(MountTable *table)
{
	if (!table)
		return NULL;
	free(table->text);
	free(table->entries);
	free(table);
	return NULL;
}

static char *next_word(char **cursor)
{
	char *word = *cursor, *end;

	if (!word)
		return NULL;
	end = strchr(word, ' ');
	if (end)
		*end++ = '\0';
	*cursor = end;
	return word;
}

static bool is_octal(const char *text)
{
	return text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' &&
		text[2] >= '0' && text[2] <= '7';
}

/* Blank, tab, newline and backslash are written as \040 and so on. */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from + 1)) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return text;
}

static int parse_int(const char *word, int *ret)
{
	uint64_t number;

	if (!word || text_to_u64(word, INT_MAX, &number) < 0)
		return -EBADMSG;
	*ret = (int)number;
	return 0;
}

static int parse_device(char *word, dev_t *ret)
{
	char *colon = word ? strchr(word, ':') : NULL;
	int first, second;

	if (!colon)
		return -EBADMSG;
	*colon = '\0';
	if (parse_int(word, &first) < 0 || parse_int(colon + 1, &second) < 0)
		return -EBADMSG;
	*ret = makedev((unsigned)first, (unsigned)second);
	return 0;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": the number of optional fields
 * before the dash varies. */
static int parse_line(char *line, MountEntry *entry)
{
	char *root, *point, *word, *type, *source;

	if (parse_int(next_word(&line), &entry->id) < 0 ||
		parse_int(next_word(&line), &entry->parent) < 0 ||
		parse_device(next_word(&line), &entry->device) < 0)
		return -EBADMSG;
	root = next_word(&line);
	point = next_word(&line);
	entry->shared = false;
	do {
		word = next_word(&line);
		entry->shared |= word && text_starts_with(word, "shared:");
	} while (word && strcmp(word, "-") != 0);
	type = next_word(&line);
	source = next_word(&line);
	if (!root || !point || !type || !source)
		return -EBADMSG;
	entry->root = unescape(root);
	entry->point = unescape(point);
	entry->type = unescape(type);
	entry->source = unescape(source);
	return 0;
}

int mount_table_parse(const char *text, size_t size, MountTable **ret, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = memory_new(sizeof(*table));
	char *cursor, *line;
	int r;

	if (!table)
		return -ENOMEM;
	table->text = memory_string_n(text, size);
	if (!table->text)
		return -ENOMEM;
	for (cursor = table->text; (line = text_next_line(&cursor)); table->count++) {
		r = memory_grow(&table->entries, table->count, sizeof(MountEntry));
		if (r < 0)
			return r;
		if (parse_line(line, &table->entries[table->count]) < 0)
			return reason_set(reterr_reason, -EBADMSG,
				"mountinfo: line %zu cannot be understood", table->count + 1);
	}
	*ret = TAKE_PTR(table);
	return 0;
}

int mount_table_read(const char *path, MountTable **ret, Reason *reterr_reason)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = fd < 0 ? -errno : fd_read_all(fd, MOUNT_TABLE_TEXT_MAX, &text, &size);

	if (r < 0)
		return reason_errno(reterr_reason, r, "%s", path);
	return mount_table_parse((const char *)text, size, ret, reterr_reason);
}

const MountEntry *mount_table_find(const MountTable *table, int id)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i].id == id)
			return &table->entries[i];
	return NULL;
}

const MountEntry *mount_table_at(const MountTable *table, const char *point)
{
	for (size_t i = table->count; i-- > 0;)
		if (strcmp(table->entries[i].point, point) == 0)
			return &table->entries[i];
	return NULL;
}

static const char *without_slash(const char *path)
{
	return strcmp(path, "/") == 0 ? "" : path;
}

int mount_place(const MountEntry *mount, const char *path, MountPlace *ret)
{
	const char *rest = path + strlen(without_slash(mount->point));

	ret->device = mount->device;
	ret->path = memory_printf("%s%s", without_slash(mount->root), without_slash(rest));
	return ret->path ? 0 : -ENOMEM;
}

void mount_place_done(MountPlace *place)
{
	free(place->path);
	*place = (MountPlace){};
}

bool mount_place_equal(const MountPlace *a, const MountPlace *b)
{
	return a->device == b->device && a->path && b->path && strcmp(a->path, b->path) == 0;
}
