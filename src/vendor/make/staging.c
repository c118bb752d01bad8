/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/make/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"

#define XATTR_VALUE_MAX 65536

static int copy_xattr(const char *from, const char *to, const char *name)
{
	_cleanup_free_ char *value = memory_new(XATTR_VALUE_MAX);
	ssize_t size = value ? lgetxattr(from, name, value, XATTR_VALUE_MAX) : -1;

	if (!value)
		return -ENOMEM;
	if (size < 0 || lsetxattr(to, name, value, (size_t)size, 0) < 0)
		return -errno;
	return 0;
}

/* mkfs.erofs writes attributes in the order in which the file system lists them. Set in sorted
 * order on a fresh file, most file systems list them so; where one does not, the image would depend
 * on the machine, so that is an error and not a surprise. */
static int copy_xattrs(const char *from, const char *to, Reason *reason)
{
	_cleanup_free_ char *names = NULL, *listed = memory_new(XATTR_LIST_MAX);
	size_t size;
	int r = changes_list_xattrs(from, &names, &size);

	if (!listed)
		return -ENOMEM;
	if (r < 0)
		return reason_errno(reason, r, "cannot list the attributes of %s", from);
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		r = copy_xattr(from, to, name);
		if (r < 0)
			return reason_errno(
				reason, r, "cannot keep the attribute %s of %s", name, from);
	}
	if (size > 0 &&
		(llistxattr(to, listed, XATTR_LIST_MAX) != (ssize_t)size ||
			memcmp(listed, names, size) != 0))
		return reason_set(reason, -EOPNOTSUPP,
			"the file system of %s lists attributes in an order of its own, so the "
			"image could "
			"not be made twice alike; put --work on ext4 or xfs",
			to);
	return 0;
}

static int copy_owner_and_mode(const struct stat *st, const char *to, Reason *reason)
{
	if (lchown(to, st->st_uid, st->st_gid) < 0)
		return reason_errno(reason, -errno,
			"cannot give %s to its owner %u:%u; run this as root", to, st->st_uid,
			st->st_gid);
	if (!S_ISLNK(st->st_mode) && chmod(to, st->st_mode & 07777) < 0)
		return reason_errno(reason, -errno, "cannot set the mode of %s", to);
	return 0;
}

static int copy_regular(const char *from, const char *to, uint64_t size)
{
	_cleanup_fd_ int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_fd_ int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (in < 0 || out < 0)
		return -errno;
	return fd_copy(in, out, size);
}

static int copy_link(const char *from, const char *to)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlink(target, to) < 0 ? -errno : 0;
}

static int copy_node(const char *from, const struct stat *st, const char *to)
{
	if (S_ISREG(st->st_mode))
		return copy_regular(from, to, (uint64_t)st->st_size);
	if (S_ISLNK(st->st_mode))
		return copy_link(from, to);
	return mkdir(to, 0700) < 0 ? -errno : 0;
}

static int copy_file(const char *from, const char *to, struct stat *ret_st, Reason *reason)
{
	int r;

	if (lstat(from, ret_st) < 0)
		return reason_errno(reason, -errno, "cannot look at %s", from);
	r = copy_node(from, ret_st, to);
	if (r < 0)
		return reason_errno(reason, r, "cannot copy %s", from);
	/* chown() clears capabilities and setuid, so it comes first */
	r = copy_owner_and_mode(ret_st, to, reason);
	return r < 0 ? r : copy_xattrs(from, to, reason);
}

static bool folder_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* The folders above `path`, each as the base has it, or the new root where the base has none. */
static int make_folders(
	const ImageBuild *build, const char *folder, const char *path, Reason *reason)
{
	_cleanup_free_ char *parent = path_parent(path);
	_cleanup_free_ char *to = NULL, *old = NULL, *new = NULL;
	struct stat st;
	int r;

	if (!parent)
		return -ENOMEM;
	if (strcmp(parent, ".") == 0)
		return 0;
	to = path_join(folder, parent);
	old = path_join(build->old_root, parent);
	new = path_join(build->new_root, parent);
	if (!to || !old || !new)
		return -ENOMEM;
	if (folder_exists(to))
		return 0;
	r = make_folders(build, folder, parent, reason);
	return r < 0 ? r : copy_file(folder_exists(old) ? old : new, to, &st, reason);
}

/* What overlayfs takes for "not there": a character device 0/0. */
static int make_whiteout(const char *path, Reason *reason)
{
	if (mknod(path, S_IFCHR, makedev(0, 0)) < 0)
		return reason_errno(reason, -errno, "cannot make the whiteout %s", path);
	return 0;
}

static int take_time(const char *root, const char *path, bool is_base, int64_t *time)
{
	_cleanup_free_ char *full = path_join(root, path);
	struct stat st;

	if (!full)
		return -ENOMEM;
	if (lstat(full, &st) == 0 && st.st_mtime + is_base > *time)
		*time = st.st_mtime + is_base;
	return 0;
}

static int stage_change(const ImageBuild *build, const char *folder, const Change *change,
	int64_t *time, Reason *reason)
{
	_cleanup_free_ char *to = path_join(folder, change->path);
	_cleanup_free_ char *from = path_join(build->new_root, change->path);
	struct stat st;
	int r;

	if (!to || !from)
		return -ENOMEM;
	r = make_folders(build, folder, change->path, reason);
	if (r == 0)
		r = take_time(build->old_root, change->path, true, time);
	if (r == 0)
		r = take_time(build->new_root, change->path, false, time);
	if (r < 0)
		return r;
	return change->kind == CHANGE_REMOVED ? make_whiteout(to, reason)
					      : copy_file(from, to, &st, reason);
}

int staging_make(
	const ImageBuild *build, const char *folder, int64_t *ret_time, Reason *reterr_reason)
{
	int64_t time = 0;
	struct stat st;

	if (lstat(build->old_root, &st) < 0)
		return reason_errno(reterr_reason, -errno, "cannot look at %s", build->old_root);
	for (size_t i = 0; i < build->changes->count; i++) {
		int r = stage_change(
			build, folder, &build->changes->items[i], &time, reterr_reason);

		if (r < 0)
			return r;
	}
	*ret_time = time;
	return copy_owner_and_mode(&st, folder, reterr_reason);
}
