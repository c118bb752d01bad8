/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * DiskImage: a base's root that comes as an image instead of a folder: squashfs, EROFS, or another
 * file system that the kernel mounts; alone in the file, or in a partition of a GPT disk image.
 *
 * squashfs is unpacked by unsquashfs(1), without mounting. The others are mounted in a mount
 * namespace of our own and copied with cp(1), which needs root: fsck.erofs(1) of erofs-utils 1.5
 * would leave the extended attributes behind, and so capabilities and labels.
 */
#include "base/reason.h"

typedef struct DiskImage {
	const char *path;
	const char *partition;    /* its label or number; NULL: */
	const char *architecture; /* the only one with the type of a root for it */
} DiskImage;

/* Unpacks it into a folder that exists and is empty, with owners, modes, times and extended
 * attributes. */
int disk_image_unpack(const DiskImage *image, const char *folder, Reason *reterr_reason);
