/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Mount: the kernel's mount interface as thin calls. Each answers 0 or a descriptor, or a negative
 * errno with a reason that names the missing feature where the kernel lacks one.
 *
 * A mount is made detached, given its attributes while nobody can reach it, and only then attached.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mountinfo.h"
#include "base/reason.h"

/* Features that newer kernels have; a test can switch each off to run the way that older kernels
 * take. */
typedef enum Feature {
	FEATURE_FILE_BACKED = 1 << 0,   /* EROFS from a file without a loop device: Linux 6.12 */
	FEATURE_BENEATH = 1 << 1,       /* MOVE_MOUNT_BENEATH: Linux 6.5 */
	FEATURE_LOWERDIR_PLUS = 1 << 2, /* overlay layers one by one: Linux 6.8 */
	FEATURE_FS_VERITY = 1 << 3,     /* CONFIG_FS_VERITY, and a file system that has it on */
	FEATURE_DM_VERITY = 1 << 4,     /* CONFIG_DM_VERITY */
	FEATURES_ALL = (1 << 5) - 1,
} Feature;
extern const char *const feature_names[]; /* by bit; ends with NULL */

/* Which mount a path leads to. Unique identifiers (Linux 6.8) are never used again; before that,
 * `unique` holds the plain number, too. */
typedef struct MountId {
	uint64_t unique;
	int id;       /* as in mountinfo */
	bool is_root; /* the path is the mount's own root */
} MountId;

int mount_id(int dir, const char *path, MountId *ret);

/* A detached copy of the mount at the path, which becomes its root, without what is mounted below.
 */
int mount_clone(int dir, const char *path, int *ret_fd, Reason *reterr_reason);
/* The same with what is mounted below. */
int mount_clone_tree(const char *path, int *ret_fd, Reason *reterr_reason);

/* Detached: closes the mount against reading by others, writing, devices, set-user-ID, execution,
 * and propagation. Everything that is attached below /run/suture gets this (grafting rule 4). */
int mount_close_up(int fd, Reason *reterr_reason);

/* Detached, with what is mounted below: the flags with which a graft covers a directory: read-only,
 * and nosuid, nodev, noexec as the mount that it covers (`like`, a path). */
int mount_set_like(int fd, const char *like, Reason *reterr_reason);

/* Attached or not: takes the mount out of its peer group. */
int mount_make_private(int fd, Reason *reterr_reason);

/* New superblocks, detached and closed up. `backing` of an EROFS is a descriptor of the image file.
 * The layers of an overlay, two or more, are descriptors of attached directories, topmost first. 1,
 * with the reason: the kernel takes no overlay of these, most likely because file systems are
 * stacked too deep already. */
int mount_new_tmpfs(int *ret_fd, Reason *reterr_reason);
int mount_new_erofs(int backing, unsigned features, int *ret_fd, Reason *reterr_reason);
int mount_new_erofs_of_device(const char *path, int *ret_fd, Reason *reterr_reason);
int mount_new_overlay(
	const int *layers, size_t count, unsigned features, int *ret_fd, Reason *reterr_reason);

/* Whether mount_new_overlay() made what is mounted there. */
bool mount_is_own_overlay(const MountEntry *entry);

int mount_attach(int fd, const char *path);
/* -EINVAL where the kernel cannot (before 6.5). */
int mount_attach_beneath(int fd, const char *path);
int mount_detach(const char *path);
