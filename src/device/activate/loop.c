/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/fd.h"

#define LOOP_TRIES 64 /* others take free devices, too, between the question and the use */

/* Positive: somebody else was faster. */
static int try_device(int control, int backing, int *ret_fd, char *path)
{
	struct loop_config config = {.fd = (uint32_t)backing,
		.info = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR}};
	_cleanup_fd_ int fd = -1;
	int number = ioctl(control, LOOP_CTL_GET_FREE);

	if (number < 0)
		return -errno;
	snprintf(path, LOOP_PATH_SIZE, "/dev/loop%d", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, LOOP_CONFIGURE, &config) < 0)
		return errno == EBUSY ? 1 : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int loop_attach(
	int backing, int *ret_fd, char ret_path[static LOOP_PATH_SIZE], Reason *reterr_reason)
{
	_cleanup_fd_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int r = 1;

	if (control < 0)
		return reason_errno(reterr_reason, -errno,
			"/dev/loop-control (this kernel's EROFS needs a block device: load the "
			"loop "
			"module, or use Linux 6.12)");
	for (int i = 0; r > 0 && i < LOOP_TRIES; i++)
		r = try_device(control, backing, ret_fd, ret_path);
	if (r > 0)
		return reason_set(reterr_reason, -EBUSY, "no free loop device");
	if (r < 0)
		return reason_errno(reterr_reason, r, "%s", ret_path);
	return 0;
}
