/* SPDX-License-Identifier: Apache-2.0 */
#include "base/maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

#define PERMISSIONS_SIZE 4
#define MAPS_NAME_SIZE   (PATH_MAX + 16) /* with " (deleted)" */

/* PROCMAP_QUERY of linux/fs.h since Linux 6.11; Debian 12 has older headers. */
typedef struct MapsQuery {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size;
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
} MapsQuery;
_Static_assert(sizeof(MapsQuery) == 104, "as the kernel has it");

#define MAPS_QUERY             _IOWR('f', 17, MapsQuery)
#define QUERY_EXECUTABLE       0x04
#define QUERY_COVERING_OR_NEXT 0x10
#define QUERY_FILE_BACKED      0x20

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

static int without_maps(int error)
{
	if (error == -ENOENT || error == -ESRCH)
		return 0; /* it ended */
	return error == -EACCES || error == -EPERM ? MAPS_DENIED : error;
}

static int open_maps(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int visit_text(int fd, pid_t pid, bool all, MapsVisit visit, void *context)
{
	_cleanup_free_ uint8_t *text = NULL;
	char *cursor, *line;
	size_t size;
	int r = fd_read_all(fd, MAPS_TEXT_MAX, &text, &size);

	if (r < 0)
		return without_maps(r);
	for (cursor = (char *)text; (line = text_next_line(&cursor));) {
		Mapping mapping;

		if (mapping_parse(line, &mapping) < 0 || mapping.inode == 0 ||
			!(all || mapping.executable))
			continue;
		r = visit(pid, &mapping, context);
		if (r < 0)
			return r;
	}
	return 0;
}

int maps_visit(pid_t pid, MapsVisit visit, void *context)
{
	_cleanup_fd_ int fd = open_maps(pid);

	return fd < 0 ? without_maps(fd) : visit_text(fd, pid, true, visit, context);
}

/* The next one at or above an address: 1, or 0 when there is none, or a negative errno. */
static int query_next(int fd, uint64_t address, char *name, size_t size, MapsQuery *ret)
{
	*ret = (MapsQuery){
		.size = sizeof(*ret),
		.query_flags = QUERY_EXECUTABLE | QUERY_COVERING_OR_NEXT | QUERY_FILE_BACKED,
		.query_addr = address,
		.vma_name_size = (uint32_t)size,
		.vma_name_addr = (uintptr_t)name,
	};
	name[0] = '\0';
	if (ioctl(fd, MAPS_QUERY, ret) == 0)
		return 1;
	return errno == ENOENT || errno == ESRCH ? 0 : -errno;
}

static bool use_text;

void maps_use_text(bool use)
{
	use_text = use;
}

int maps_visit_executable(pid_t pid, MapsVisit visit, void *context)
{
	_cleanup_fd_ int fd = open_maps(pid);
	char name[MAPS_NAME_SIZE], range[2 * 16 + 2];
	MapsQuery found;
	int r;

	if (fd < 0)
		return without_maps(fd);
	r = use_text ? -ENOTTY : query_next(fd, 0, name, sizeof(name), &found);
	while (r > 0) {
		Mapping mapping = {.range = range,
			.executable = true,
			.major = found.dev_major,
			.minor = found.dev_minor,
			.inode = found.inode,
			.path = name};

		snprintf(range, sizeof(range), "%llx-%llx", (unsigned long long)found.vma_start,
			(unsigned long long)found.vma_end);
		r = found.inode ? visit(pid, &mapping, context) : 0;
		if (r < 0)
			return r;
		r = query_next(fd, found.vma_end, name, sizeof(name), &found);
	}
	/* before 6.11; or a name that is too long to be asked for, and then all of them again */
	return r < 0 ? visit_text(fd, pid, false, visit, context) : 0;
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
