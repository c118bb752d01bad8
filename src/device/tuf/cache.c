/* SPDX-License-Identifier: Apache-2.0 */
#include "device/tuf/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"

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
	r = r < 0 ? -errno : file_remove_unfinished(cache->dir, ".", NULL);
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
