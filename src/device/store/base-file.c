/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/base-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"

/* O_NONBLOCK: a pipe at that place must not make anybody wait. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

/* Whether the place lies in a copy of the base, and not in the folders that lead to one: then what
 * is missing there is missing in the base, though a graft may show it. Cuts `pristine`. */
static bool is_in_copy(const Store *store, char *pristine)
{
	struct stat run, there;

	if (fstatat(store->root, STORE_RUN, &run, 0) < 0)
		return false;
	for (char *slash; (slash = strrchr(pristine, '/'));) {
		*slash = '\0';
		if (fstatat(store->root, pristine, &there, AT_SYMLINK_NOFOLLOW) == 0)
			return there.st_dev != run.st_dev;
	}
	return false;
}

int base_file_open(const Store *store, const char *path)
{
	_cleanup_free_ char *pristine = path_join(STORE_RUN_BASE, path);
	int fd;

	if (!pristine)
		return -ENOMEM;
	fd = openat(store->root, pristine, OPEN_FLAGS);
	if (fd < 0 && errno == ENOENT && !is_in_copy(store, pristine))
		fd = openat(store->root, path, OPEN_FLAGS);
	return fd < 0 ? -errno : fd;
}

static int record(
	const Store *store, GenerationImage *image, const char *path, Reason *reterr_reason)
{
	_cleanup_fd_ int fd = base_file_open(store, path);
	GenerationFile file = {};
	struct stat st;
	int r;

	if (fd == -ENOMEM)
		return fd;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = digest_of_fd(fd, &file.digest, NULL);
	if (r < 0)
		return reason_errno(reterr_reason, r, "the base's %s", path);
	r = memory_grow(&image->bases, image->base_count, sizeof(file));
	if (r < 0)
		return r;
	file.path = memory_string(path);
	if (!file.path)
		return -ENOMEM;
	image->bases[image->base_count++] = file;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const GenerationFile *)a)->path, ((const GenerationFile *)b)->path);
}

int base_file_record(const Store *store, GenerationImage *image, Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->file_count; i++)
		r = record(store, image, image->files[i].path, reterr_reason);
	for (size_t i = 0; r == 0 && i < image->removed_count; i++)
		r = record(store, image, image->removed[i], reterr_reason);
	if (image->base_count > 0)
		qsort(image->bases, image->base_count, sizeof(*image->bases), compare);
	return r;
}
