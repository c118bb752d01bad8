/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/time.h"

static int check_source(int fd, uint64_t *ret_size, Reason *reason)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return reason_errno(reason, -errno, "cannot look at the bundle");
	if (!S_ISREG(status.st_mode))
		return reason_set(reason, -EINVAL, "the bundle is not an ordinary file");
	*ret_size = (uint64_t)status.st_size;
	if (*ret_size > SPOOL_SIZE_MAX)
		return reason_set(reason, -EFBIG, "the bundle has more than %" PRIu64 " bytes",
			SPOOL_SIZE_MAX);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return reason_errno(reason, -errno, "cannot read the bundle");
	return 0;
}

/* The place is taken before anything is copied, so that a full disk is told at once. */
static int copy(int from, uint64_t size, const char *path, Reason *reason)
{
	_cleanup_fd_ int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = to < 0 ? -errno : 0;

	if (r == 0 && size > 0)
		r = -posix_fallocate(to, 0, (off_t)size);
	if (r == 0)
		r = fd_copy(from, to, size);
	if (r < 0 && to >= 0)
		unlink(path);
	return r < 0 ? reason_errno(reason, r, "cannot copy the bundle to %s", path) : 0;
}

int spool_take(const char *root, int fd, char **ret_path, Reason *reterr_reason)
{
	_cleanup_free_ char *folder = path_join(root, SPOOL_PATH), *path = NULL;
	uint64_t size = 0;
	int r = check_source(fd, &size, reterr_reason);

	if (r < 0)
		return r;
	if (folder)
		path = memory_printf("%s/%" PRIu64 ".suture", folder, time_monotonic_us());
	if (!path)
		return -ENOMEM;
	r = path_make_directories(AT_FDCWD, folder, 0755);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot make %s", folder);
	r = copy(fd, size, path, reterr_reason);
	if (r == 0)
		*ret_path = TAKE_PTR(path);
	return r;
}

void spool_clear(const char *root)
{
	_cleanup_free_ char *folder = path_join(root, SPOOL_PATH);

	if (folder)
		(void)path_remove_tree(AT_FDCWD, folder);
}
