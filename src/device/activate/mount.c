/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "device/activate/loop.h"
#include "device/store/store.h"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200 /* Linux 6.5 */
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U /* Linux 5.8 */
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U /* Linux 6.8 */
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000 /* Linux 5.8 */
#endif

#define CLOSED_UP (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
/* The value of an fsconfig() parameter is at most this long, with its NUL. */
#define PARAMETER_SIZE_MAX 256
#define FD_PATH_SIZE       32

const char *const feature_names[] = {
	"file-backed", "beneath", "lowerdir-plus", "fs-verity", "dm-verity", NULL};

static int statx_at(int dir, const char *path, unsigned mask, struct statx *ret)
{
	if (statx(dir, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH, mask, ret) < 0)
		return -errno;
	return 0;
}

int mount_id(int dir, const char *path, MountId *ret)
{
	struct statx plain = {}, unique = {};
	int r = statx_at(dir, path, STATX_MNT_ID, &plain);

	if (r == 0)
		r = statx_at(dir, path, STATX_MNT_ID_UNIQUE, &unique);
	if (r < 0)
		return r;
	*ret = (MountId){
		.id = (int)plain.stx_mnt_id,
		.unique = unique.stx_mask & STATX_MNT_ID_UNIQUE ? unique.stx_mnt_id
								: plain.stx_mnt_id,
		.is_root = plain.stx_attributes & STATX_ATTR_MOUNT_ROOT,
	};
	return 0;
}

static int clone(int dir, const char *path, unsigned flags, int *ret_fd, Reason *reterr_reason)
{
	int fd = open_tree(
		dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | flags);

	if (fd < 0 && errno == EPERM)
		return reason_errno(reterr_reason, -EPERM, "mounting needs root");
	if (fd < 0)
		return reason_errno(reterr_reason, -errno, "open_tree of %s", path);
	*ret_fd = fd;
	return 0;
}

int mount_clone(int dir, const char *path, int *ret_fd, Reason *reterr_reason)
{
	return clone(dir, path, 0, ret_fd, reterr_reason);
}

int mount_clone_tree(const char *path, int *ret_fd, Reason *reterr_reason)
{
	return clone(AT_FDCWD, path, AT_RECURSIVE, ret_fd, reterr_reason);
}

static int set_attributes(
	int fd, unsigned flags, uint64_t set, uint64_t clear, Reason *reterr_reason)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = MS_PRIVATE};

	if (mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) == 0)
		return 0;
	if (errno == ENOSYS)
		return reason_set(reterr_reason, -ENOSYS,
			"this kernel has no mount_setattr: Linux 5.12 or newer is needed");
	return reason_errno(reterr_reason, -errno, "mount_setattr");
}

int mount_close_up(int fd, Reason *reterr_reason)
{
	return set_attributes(fd, 0, CLOSED_UP, 0, reterr_reason);
}

int mount_make_private(int fd, Reason *reterr_reason)
{
	return set_attributes(fd, 0, 0, 0, reterr_reason);
}

int mount_set_like(int fd, const char *like, Reason *reterr_reason)
{
	uint64_t set = MOUNT_ATTR_RDONLY;
	struct statvfs st;

	if (statvfs(like, &st) < 0)
		return reason_errno(reterr_reason, -errno, "%s", like);
	if (st.f_flag & ST_NOSUID)
		set |= MOUNT_ATTR_NOSUID;
	if (st.f_flag & ST_NODEV)
		set |= MOUNT_ATTR_NODEV;
	if (st.f_flag & ST_NOEXEC)
		set |= MOUNT_ATTR_NOEXEC;
	return set_attributes(fd, AT_RECURSIVE, set, CLOSED_UP & ~set, reterr_reason);
}

static int open_context(const char *type, const char *option, int *ret_fd, Reason *reterr_reason)
{
	int fd = fsopen(type, FSOPEN_CLOEXEC);

	if (fd < 0 && errno == ENODEV)
		return reason_set(reterr_reason, -ENODEV,
			"this kernel has no %s file system: use one with %s (or load the module)",
			type, option);
	if (fd < 0 && errno == ENOSYS)
		return reason_set(reterr_reason, -ENOSYS,
			"this kernel has no fsopen: Linux 5.2 or newer is needed");
	if (fd < 0)
		return reason_errno(reterr_reason, -errno, "%s", type);
	*ret_fd = fd;
	return 0;
}

static int set_string(int context, const char *key, const char *value)
{
	return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* The kernel explains itself through the context: "e <file system>: text". Its last word, or "". */
static const char *explanation(int context, char *text, size_t size)
{
	ssize_t n;
	size_t length = 0;
	int error = errno;

	while ((n = read(context, text, size - 1)) > 0)
		length = (size_t)n;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return length > 2 ? text + 2 : strerror(error);
}

static int finish(int context, const char *type, int *ret_fd, Reason *reterr_reason)
{
	char text[REASON_TEXT_MAX];
	_cleanup_fd_ int fd = -1;
	int r;

	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		r = -errno;
		return reason_set(reterr_reason, r, "%s: %s (%s)", type, strerror(-r),
			explanation(context, text, sizeof(text)));
	}
	fd = fsmount(context, FSMOUNT_CLOEXEC, CLOSED_UP);
	if (fd < 0)
		return reason_errno(reterr_reason, -errno, "fsmount of %s", type);
	r = mount_close_up(fd, reterr_reason);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int mount_new_tmpfs(int *ret_fd, Reason *reterr_reason)
{
	_cleanup_fd_ int context = -1, fd = -1;
	struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
	int r = open_context("tmpfs", "CONFIG_TMPFS", &context, reterr_reason);

	if (r < 0)
		return r;
	r = set_string(context, "source", MOUNT_SOURCE);
	if (r == 0)
		r = set_string(context, "mode", "0711");
	if (r < 0)
		return reason_errno(reterr_reason, r, "tmpfs");
	r = finish(context, "tmpfs", &fd, reterr_reason);
	if (r < 0)
		return r;
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &writable, sizeof(writable)) < 0)
		return reason_errno(reterr_reason, -errno, "mount_setattr");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int mount_new_erofs_of_device(const char *path, int *ret_fd, Reason *reterr_reason)
{
	_cleanup_fd_ int context = -1;
	int r = open_context("erofs", "CONFIG_EROFS_FS", &context, reterr_reason);

	if (r < 0)
		return r;
	r = set_string(context, "source", path);
	if (r < 0 || fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return reason_errno(reterr_reason, r < 0 ? r : -errno, "erofs");
	return finish(context, "erofs", ret_fd, reterr_reason);
}

int mount_new_erofs(int backing, unsigned features, int *ret_fd, Reason *reterr_reason)
{
	char source[LOOP_PATH_SIZE];
	_cleanup_fd_ int loop = -1;
	int r;

	if (features & FEATURE_FILE_BACKED) {
		snprintf(source, sizeof(source), "/proc/self/fd/%d", backing);
		r = mount_new_erofs_of_device(source, ret_fd, reterr_reason);
		/* before 6.12, or on a file system that is stacked already: a block device */
		if (r != -ENOTBLK)
			return r;
	}
	r = loop_attach(backing, &loop, source, reterr_reason);
	return r < 0 ? r : mount_new_erofs_of_device(source, ret_fd, reterr_reason);
}

static int add_layers_by_name(int context, const int *layers, size_t count)
{
	char path[FD_PATH_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", layers[i]);
		r = set_string(context, "lowerdir+", path);
	}
	return r;
}

/* All layers in one text, as before Linux 6.8. */
static int add_layers_at_once(int context, const int *layers, size_t count)
{
	char text[PARAMETER_SIZE_MAX] = "";
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		int n = snprintf(text + length, sizeof(text) - length, "%s/proc/self/fd/%d",
			i > 0 ? ":" : "", layers[i]);

		length += (size_t)n;
		if (length >= sizeof(text))
			return -E2BIG;
	}
	return set_string(context, "lowerdir", text);
}

static int add_layers(int context, const int *layers, size_t count, unsigned features)
{
	int r = -EINVAL;

	if (features & FEATURE_LOWERDIR_PLUS)
		r = add_layers_by_name(context, layers, count);
	/* an older kernel does not know the parameter; nothing was added then */
	return r == -EINVAL ? add_layers_at_once(context, layers, count) : r;
}

int mount_new_overlay(
	const int *layers, size_t count, unsigned features, int *ret_fd, Reason *reterr_reason)
{
	_cleanup_fd_ int context = -1;
	char text[REASON_TEXT_MAX];
	int r = open_context("overlay", "CONFIG_OVERLAY_FS", &context, reterr_reason);

	if (r < 0)
		return r;
	r = set_string(context, "source", MOUNT_SOURCE);
	if (r == 0)
		r = add_layers(context, layers, count, features);
	if (r == -E2BIG)
		return reason_set(reterr_reason, r,
			"%zu layers are more than this kernel takes at once: Linux 6.8 takes 500",
			count);
	if (r < 0)
		return reason_set(reterr_reason, r, "overlay: %s (%s)", strerror(-r),
			explanation(context, text, sizeof(text)));
	r = finish(context, "overlay", ret_fd, reterr_reason);
	/* the kernel names this reason in its log only */
	if (r == -EINVAL)
		return reason_set(reterr_reason, 1,
			"the kernel refused the overlay: most likely file systems are stacked too "
			"deep here already (such as a system extension over a composefs): two "
			"levels, ours included, are its limit");
	return r;
}

bool mount_is_own_overlay(const MountEntry *entry)
{
	return strcmp(entry->type, "overlay") == 0 && strcmp(entry->source, MOUNT_SOURCE) == 0;
}

int mount_attach(int fd, const char *path)
{
	return move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int mount_attach_beneath(int fd, const char *path)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH;

	return move_mount(fd, "", AT_FDCWD, path, flags) < 0 ? -errno : 0;
}

int mount_detach(const char *path)
{
	return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}
