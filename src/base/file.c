/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"

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
	return memory_printf("%s.%d.tmp", path, getpid());
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
