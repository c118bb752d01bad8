/* SPDX-License-Identifier: Apache-2.0 */
#include "device/tuf/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

/* What file_write_atomic() writes beside its target before the rename. */
#define UNFINISHED ".tmp"

static inline void close_directory(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static int remove_unfinished(const Cache *cache)
{
	_cleanup_fd_ int fd = openat(cache->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_directory) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!folder)
		return -errno;
	fd = -1; /* belongs to the folder now */
	while ((entry = readdir(folder))) {
		int r = text_ends_with(entry->d_name, UNFINISHED)
			? file_remove(cache->dir, entry->d_name)
			: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int cache_open(Cache *cache, const char *path, bool create, Reason *reterr_reason)
{
	int r = create ? path_make_directories(AT_FDCWD, path, 0755) : 0;

	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot make the metadata folder %s", path);
	*cache = (Cache){.path = path, .dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	if (cache->dir < 0)
		return reason_errno(
			reterr_reason, -errno, "cannot open the metadata folder %s", path);
	do
		r = flock(cache->dir, LOCK_EX);
	while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : remove_unfinished(cache);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot work in %s", path) : 0;
}

void cache_close(Cache *cache)
{
	cache->dir = fd_close(cache->dir);
}

int cache_load(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	const Cache *cache = context;

	return file_read(cache->dir, name, max, ret_data, ret_size);
}

int cache_save(
	void *context, const char *name, const void *data, size_t size, Reason *reterr_reason)
{
	const Cache *cache = context;
	int r = file_write_atomic(cache->dir, name, data, size, 0644);

	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s/%s", cache->path, name) : 0;
}
