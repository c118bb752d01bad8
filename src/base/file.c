/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#define TEMPORARY_SUFFIX ".tmp"

int file_read(int dir, const char *path, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_fd_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return fd_read_all(fd, max, ret_data, ret_size);
}

int file_sync_parent(int dir, const char *path)
{
	_cleanup_free_ char *parent = path_parent(path);
	_cleanup_fd_ int fd = -1;

	if (!parent)
		return -ENOMEM;
	fd = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

/* A name beside `path` that readers of the directory recognise as unfinished. */
static char *temporary_name(const char *path)
{
	return memory_printf("%s.%d" TEMPORARY_SUFFIX, path, getpid());
}

/* Whether temporary_name() may have given this name, to `name` or to any file. */
static bool is_temporary_name(const char *entry, const char *name)
{
	size_t size = strlen(entry), suffix = strlen(TEMPORARY_SUFFIX), start;

	if (!text_ends_with(entry, TEMPORARY_SUFFIX))
		return false;
	for (start = size - suffix; start > 0 && isdigit((unsigned char)entry[start - 1]); start--)
		;
	if (start == size - suffix || start < 2 || entry[start - 1] != '.')
		return false;
	return !name || (strlen(name) == start - 1 && memcmp(entry, name, start - 1) == 0);
}

static inline void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

int file_remove_unfinished(int dir, const char *folder, const char *name)
{
	_cleanup_fd_ int fd = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_folder) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	fd = -1; /* belongs to the stream now */
	while ((entry = readdir(stream))) {
		int r = is_temporary_name(entry->d_name, name)
			? file_remove(dirfd(stream), entry->d_name)
			: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int write_synced(int dir, const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_fd_ int fd =
		openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, data, size);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_rename_durable(int dir, const char *from, const char *to)
{
	if (renameat(dir, from, dir, to) < 0)
		return -errno;
	return file_sync_parent(dir, to);
}

int file_write_atomic(int dir, const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_free_ char *beside = temporary_name(path);
	int r;

	if (!beside)
		return -ENOMEM;
	r = write_synced(dir, beside, data, size, mode);
	if (r == 0)
		r = file_rename_durable(dir, beside, path);
	if (r < 0)
		unlinkat(dir, beside, 0);
	return r;
}

static int open_nameless(const FileDraft *draft, mode_t mode)
{
	_cleanup_free_ char *parent = path_parent(draft->path);

	if (!parent)
		return -ENOMEM;
	return openat(draft->dir, parent, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
}

/* The name by which a descriptor can be linked; only root may do without. */
static void descriptor_path(int fd, char text[static 32])
{
	snprintf(text, 32, "/proc/self/fd/%d", fd);
}

int file_draft_open(int dir, const char *path, mode_t mode, FileDraft *ret)
{
	_cleanup_(file_draft_done) FileDraft draft = {.dir = dir, .fd = -1};
	char descriptor[32];

	draft.path = memory_string(path);
	draft.beside = temporary_name(path);
	if (!draft.path || !draft.beside)
		return -ENOMEM;
	draft.fd = open_nameless(&draft, mode);
	if (draft.fd == -ENOMEM)
		return -ENOMEM;
	descriptor_path(draft.fd, descriptor);
	if (draft.fd < 0 || access(descriptor, F_OK) < 0) {
		fd_close(draft.fd);
		draft.fd = openat(dir, draft.beside,
			O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		if (draft.fd < 0)
			return -errno;
		draft.named = true;
	}
	*ret = draft;
	draft = (FileDraft)FILE_DRAFT_NONE;
	return 0;
}

/* 1 when nothing was at its path and it stands there now. */
static int give_name(FileDraft *draft)
{
	char descriptor[32];

	descriptor_path(draft->fd, descriptor);
	if (linkat(AT_FDCWD, descriptor, draft->dir, draft->path, AT_SYMLINK_FOLLOW) == 0)
		return 1;
	if (errno != EEXIST ||
		linkat(AT_FDCWD, descriptor, draft->dir, draft->beside, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	draft->named = true;
	return 0;
}

int file_draft_finish(FileDraft *draft)
{
	int r;

	if (fsync(draft->fd) < 0)
		return -errno;
	r = draft->named ? 0 : give_name(draft);
	if (r < 0)
		return r;
	if (r > 0)
		return file_sync_parent(draft->dir, draft->path);
	r = file_rename_durable(draft->dir, draft->beside, draft->path);
	draft->named = r < 0;
	return r;
}

void file_draft_done(FileDraft *draft)
{
	if (draft->named)
		unlinkat(draft->dir, draft->beside, 0);
	fd_close(draft->fd);
	free(draft->path);
	free(draft->beside);
	*draft = (FileDraft)FILE_DRAFT_NONE;
}

int file_link_atomic(int dir, const char *target, const char *path)
{
	_cleanup_free_ char *beside = temporary_name(path);
	int r;

	if (!beside)
		return -ENOMEM;
	unlinkat(dir, beside, 0);
	if (symlinkat(target, dir, beside) < 0)
		return -errno;
	r = file_rename_durable(dir, beside, path);
	if (r < 0)
		unlinkat(dir, beside, 0);
	return r;
}

bool file_exists(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int file_remove(int dir, const char *path)
{
	return unlinkat(dir, path, 0) < 0 && errno != ENOENT ? -errno : 0;
}
