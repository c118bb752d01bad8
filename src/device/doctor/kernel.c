/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: what the running kernel can do. It is asked by calls that change nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "device/doctor/doctor.h"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200 /* Linux 6.5 */
#endif

#define FSVERITY_DIGEST_MAX 64 /* SHA-512 */

static const char *release(struct utsname *name)
{
	return uname(name) == 0 ? name->release : "?";
}

/* Loads the module where there is one. Without root nothing is known, and nothing said. */
static bool lacks_file_system(const char *type)
{
	_cleanup_fd_ int fd = fsopen(type, FSOPEN_CLOEXEC);

	return fd < 0 && (errno == ENODEV || errno == ENOSYS);
}

static int check_file_system(Doctor *doctor, const char *type, const char *option)
{
	struct utsname name;

	if (!lacks_file_system(type))
		return 0;
	return doctor_find(doctor, FINDING_PROBLEM, type,
		memory_printf("This kernel (%s) has no %s file system, so nothing can be grafted.",
			release(&name), type),
		memory_printf("Run 'modprobe %s', or use a kernel with %s.", type, option));
}

/* Flags are looked at before descriptors: EINVAL for a flag that is not known, EBADF else. */
static int check_beneath(Doctor *doctor)
{
	struct utsname name;

	if (move_mount(-1, "", -1, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH) == 0 ||
		errno != EINVAL)
		return 0;
	return doctor_find(doctor, FINDING_NOTE, "beneath",
		memory_printf("This kernel (%s) cannot move a mount beneath another, so each "
			      "replacement is stacked on the one before until a removal or a "
			      "restart.",
			release(&name)),
		memory_string("Nothing has to be done; Linux 6.5 and newer need no stack."));
}

static int check_loop(Doctor *doctor)
{
	if (access("/dev/loop-control", F_OK) == 0)
		return 0;
	return doctor_find(doctor, FINDING_NOTE, "loop",
		memory_string("There are no loop devices: before Linux 6.12, and where /var is a "
			      "stacked file system, no image can be mounted."),
		memory_string("Run 'modprobe loop', or use Linux 6.12 or newer."));
}

static int check_dm_verity(Doctor *doctor)
{
	if (access("/dev/mapper/control", F_OK) == 0 &&
		(access("/sys/module/dm_verity", F_OK) == 0 ||
			access("/sys/module/dm_mod", F_OK) == 0))
		return 0;
	return doctor_find(doctor, FINDING_NOTE, "dm-verity",
		memory_string(
			"This kernel has no device mapper, so no image is sealed by dm-verity."),
		memory_string("Run 'modprobe dm_verity', or use a kernel with CONFIG_DM_VERITY, to "
			      "have every read of an image verified; until then images are "
			      "verified when they are mounted."));
}

/* Any regular file of the store's file system tells: ENODATA means "it could, but this one is not".
 */
static int check_fs_verity(Doctor *doctor)
{
	union {
		struct fsverity_digest head;
		uint8_t space[sizeof(struct fsverity_digest) + FSVERITY_DIGEST_MAX];
	} measured = {.head.digest_size = FSVERITY_DIGEST_MAX};
	_cleanup_fd_ int fd = doctor->store->dir < 0
		? -1
		: openat(doctor->store->dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || ioctl(fd, FS_IOC_MEASURE_VERITY, &measured) == 0 ||
		(errno != ENOTTY && errno != EOPNOTSUPP))
		return 0;
	return doctor_find(doctor, FINDING_NOTE, "fs-verity",
		memory_printf("The file system of %s/" STORE_PATH
			      " has no fs-verity: dm-verity, or a look at the whole image before "
			      "it is mounted, takes its place.",
			doctor->store->path),
		memory_string("Nothing has to be done; ext4 (tune2fs -O verity), f2fs and btrfs on "
			      "a kernel with CONFIG_FS_VERITY keep images from being changed."));
}

int doctor_kernel(Doctor *doctor)
{
	int r = check_file_system(doctor, "erofs", "CONFIG_EROFS_FS");

	if (r == 0)
		r = check_file_system(doctor, "overlay", "CONFIG_OVERLAY_FS");
	if (r == 0)
		r = check_beneath(doctor);
	if (r == 0)
		r = check_loop(doctor);
	if (r == 0)
		r = check_dm_verity(doctor);
	return r < 0 ? r : check_fs_verity(doctor);
}
