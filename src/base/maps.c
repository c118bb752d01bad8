/* SPDX-License-Identifier: Apache-2.0 */
#include "base/maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

#define PERMISSIONS_SIZE 4

/* Ends the next blank-separated word and returns it; the cursor goes behind the blanks. */
static char *next_word(char **cursor)
{
	char *word = *cursor, *end = word + strcspn(word, " ");

	*cursor = end + strspn(end, " ");
	*end = '\0';
	return word;
}

static int parse_device(const char *word, Mapping *mapping)
{
	char *end;

	mapping->major = (unsigned)strtoul(word, &end, 16);
	if (end == word || *end != ':')
		return -EBADMSG;
	word = end + 1;
	mapping->minor = (unsigned)strtoul(word, &end, 16);
	return end != word && *end == '\0' ? 0 : -EBADMSG;
}

int mapping_parse(char *line, Mapping *ret)
{
	Mapping mapping = {.range = next_word(&line)};
	const char *permissions = next_word(&line);

	next_word(&line); /* the offset */
	if (!strchr(mapping.range, '-') || strlen(permissions) != PERMISSIONS_SIZE ||
		parse_device(next_word(&line), &mapping) < 0 ||
		text_to_u64(next_word(&line), UINT64_MAX, &mapping.inode) < 0)
		return -EBADMSG;
	mapping.executable = permissions[2] == 'x';
	mapping.path = line;
	*ret = mapping;
	return 0;
}

/* What a vanished or foreign process answers. */
static bool is_gone(int error)
{
	return error == -ENOENT || error == -ESRCH || error == -EACCES || error == -EPERM;
}

int maps_visit(pid_t pid, MapsVisit visit, void *context)
{
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_fd_ int fd = -1;
	char path[64], *cursor, *line;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : fd_read_all(fd, MAPS_TEXT_MAX, &text, &size);
	if (r < 0)
		return is_gone(r) ? 0 : r;
	for (cursor = (char *)text; (line = text_next_line(&cursor));) {
		Mapping mapping;

		if (mapping_parse(line, &mapping) < 0 || mapping.inode == 0)
			continue;
		r = visit(pid, &mapping, context);
		if (r < 0)
			return r;
	}
	return 0;
}

int processes_visit(int (*visit)(pid_t pid, void *context), void *context)
{
	DIR *stream = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!stream)
		return -errno;
	while (r >= 0 && (entry = readdir(stream))) {
		uint64_t pid;

		if (text_to_u64(entry->d_name, INT_MAX, &pid) == 0 && pid > 0)
			r = visit((pid_t)pid, context);
	}
	closedir(stream);
	return r < 0 ? r : 0;
}
