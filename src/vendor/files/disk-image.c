/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/disk-image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "vendor/files/gpt.h"

#define OUTPUT_MAX     ((size_t)1 << 20)
#define UNSQUASHFS     "/usr/bin/unsquashfs"
#define MOUNT          "/usr/bin/mount"
#define CP             "/usr/bin/cp"
#define SQUASHFS_MAGIC "hsqs"
#define EROFS_MAGIC    "\xe2\xe1\xf5\xe0"
#define EROFS_OFFSET   1024 /* of its superblock */

/* Where in the file the file system is. */
typedef struct Extent {
	uint64_t offset, size; /* size 0: to the end */
} Extent;

static int run(const char *const *argv, const char *package, Reason *reason)
{
	_cleanup_free_ uint8_t *output = NULL;
	Reason why = {};
	size_t size;
	int status, r;

	if (access(argv[0], X_OK) < 0)
		return reason_set(reason, -ENOPKG, "%s is missing; install %s", argv[0], package);
	r = process_run(argv, NULL, 0, OUTPUT_MAX, &output, &size, &status, &why);
	if (r < 0 || status != 0)
		return reason_set(reason, r < 0 ? r : -EIO, "%s failed: %s", path_name(argv[0]),
			why.text[0] ? why.text : "it said nothing");
	return 0;
}

static int find_extent(const DiskImage *image, int fd, Extent *ret, Reason *reason)
{
	_cleanup_free_ uint8_t *head = memory_raw(GPT_HEAD_SIZE);
	_cleanup_free_ Gpt *gpt = memory_new(sizeof(*gpt));
	ssize_t n = head ? pread(fd, head, GPT_HEAD_SIZE, 0) : 0;
	const GptPartition *partition;
	Reason why = {};
	int r;

	if (!head || !gpt)
		return -ENOMEM;
	r = n < 0 ? -errno : gpt_read(head, (size_t)n, gpt, &why);
	if (r == 0 && image->partition)
		return reason_set(reason, -EINVAL, "%s has no partitions; leave out --partition",
			image->path);
	if (r == 0)
		return 0;
	if (r > 0)
		r = gpt_choose(gpt, image->partition, image->architecture, &partition, &why);
	if (r < 0)
		return reason_set(reason, r, "%s: %s", image->path, why.text);
	*ret = (Extent){partition->offset, partition->size};
	return 0;
}

static bool has_magic(int fd, uint64_t offset, const char *magic)
{
	char bytes[4];

	return fd_pread_full(fd, bytes, sizeof(bytes), offset) == 0 &&
		memcmp(bytes, magic, sizeof(bytes)) == 0;
}

static int unsquash(
	const DiskImage *image, const Extent *extent, const char *folder, Reason *reason)
{
	char offset[24];
	const char *const argv[] = {UNSQUASHFS, "-force", "-quiet", "-no-progress", "-offset",
		offset, "-dest", folder, image->path, NULL};

	snprintf(offset, sizeof(offset), "%" PRIu64, extent->offset);
	return run(argv, "squashfs-tools", reason);
}

/* What is mounted from here on is nobody else's, and ends with this process at the latest. */
static int leave_namespace(Reason *reason)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return reason_errno(reason, -errno,
			"cannot make a mount namespace to read the image in; run this as root, or "
			"give the root as a folder or a squashfs image");
	return 0;
}

static int mount_loop(
	const DiskImage *image, const Extent *extent, const char *point, Reason *reason)
{
	char options[128];
	const char *const argv[] = {MOUNT, "-o", options, image->path, point, NULL};
	int used = snprintf(options, sizeof(options), "ro,nosuid,nodev,noexec,loop,offset=%" PRIu64,
		    extent->offset),
	    r;

	if (extent->size > 0)
		snprintf(options + used, sizeof(options) - (size_t)used, ",sizelimit=%" PRIu64,
			extent->size);
	r = run(argv, "mount", reason);
	return r == -EIO
		? reason_set(reason, -EINVAL,
			  "%s is not a folder, nor an image that can be mounted here", image->path)
		: r;
}

/* Newer kernels mount EROFS from a file without a loop device. */
static int mount_image(const DiskImage *image, const Extent *extent, bool is_erofs,
	const char *point, Reason *reason)
{
	if (is_erofs && extent->offset == 0 &&
		mount(image->path, point, "erofs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			NULL) == 0)
		return 0;
	return mount_loop(image, extent, point, reason);
}

static int copy_tree(const char *from, const char *folder, Reason *reason)
{
	_cleanup_free_ char *all = path_join(from, ".");
	const char *const argv[] = {
		CP, "-dR", "--preserve=mode,ownership,timestamps,links,xattr", all, folder, NULL};

	return all ? run(argv, "coreutils", reason) : -ENOMEM;
}

static int copy_mounted(const DiskImage *image, const Extent *extent, bool is_erofs,
	const char *folder, Reason *reason)
{
	_cleanup_free_ char *parent = path_parent(folder), *point = NULL;
	int r = leave_namespace(reason);

	if (r < 0 || !parent)
		return r < 0 ? r : -ENOMEM;
	r = path_make_temporary(parent, "mounted", &point);
	if (r < 0)
		return reason_errno(reason, r, "cannot make a folder in %s", parent);
	r = mount_image(image, extent, is_erofs, point, reason);
	if (r == 0) {
		r = copy_tree(point, folder, reason);
		if (umount2(point, MNT_DETACH) < 0 && r == 0)
			r = reason_errno(reason, -errno, "cannot unmount %s", image->path);
	}
	rmdir(point);
	return r;
}

int disk_image_unpack(const DiskImage *image, const char *folder, Reason *reterr_reason)
{
	_cleanup_fd_ int fd = open(image->path, O_RDONLY | O_CLOEXEC);
	Extent extent = {};
	int r = fd < 0 ? reason_errno(reterr_reason, -errno, "cannot open %s", image->path)
		       : find_extent(image, fd, &extent, reterr_reason);

	if (r < 0)
		return r;
	if (has_magic(fd, extent.offset, SQUASHFS_MAGIC))
		return unsquash(image, &extent, folder, reterr_reason);
	return copy_mounted(image, &extent,
		has_magic(fd, extent.offset + EROFS_OFFSET, EROFS_MAGIC), folder, reterr_reason);
}
