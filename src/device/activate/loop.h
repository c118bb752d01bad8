/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Loop: a block device over an image file, for kernels whose EROFS wants one (before Linux 6.12).
 */
#include "base/reason.h"

#define LOOP_PATH_SIZE 64

/* Binds a free device to the file, read-only; it lets go by itself when its last user closes it.
 * The caller keeps *ret_fd until the mount is made. */
int loop_attach(
	int backing, int *ret_fd, char ret_path[static LOOP_PATH_SIZE], Reason *reterr_reason);
