/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * DmVerity: a block device over an image whose every read the kernel verifies against the signed
 * root (Documentation/admin-guide/device-mapper/verity.rst), by the ioctls of linux/dm-ioctl.h: no
 * library, so that the static activator can do it.
 *
 * Both files are attached to loop devices, which end with the device. It ends with its last user:
 * it is marked for removal as soon as the caller has it open.
 */
#include "base/reason.h"
#include "wire/seal/seal.h"

#define DM_VERITY_PATH_SIZE 32 /* "/dev/dm-1048575" */

/* Positive: this kernel has no device mapper, no dm-verity, or no loop devices. -EKEYREJECTED:
 * image or tree is not what the seal says; known only because a wrong root is noticed at the first
 * read, which is done here (grafting rule 15). *ret_fd keeps the device until it is mounted. */
int dm_verity_open(const Seal *seal, int image, int tree, int *ret_fd,
	char ret_path[static DM_VERITY_PATH_SIZE], Reason *reterr_reason);
