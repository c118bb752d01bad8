/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/file-graft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "device/activate/mount.h"

#define OPAQUE "trusted.overlay.opaque" /* a folder that hides those of lower layers */

/* An image's directory, while its files are mounted. Paths begin with a slash below it; "" is
 * itself. */
typedef struct Walk {
	FileGraft *graft;
	int tree;
	int base; /* the same directory of the base */
	Reason *reason;
} Walk;

bool file_graft_has(const MountEntry *mount, const MountEntry *file)
{
	size_t length = strlen(mount->point);

	return file->parent == mount->id && file->root[1] != '\0' && mount_is_own_overlay(file) &&
		strncmp(file->point, mount->point, length) == 0 &&
		strcmp(file->point + length, file->root) == 0;
}

size_t file_graft_count(const MountTable *table, const MountEntry *mount)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		count += file_graft_has(mount, &table->entries[i]);
	return count;
}

const MountEntry *file_graft_first(const MountTable *table, const MountEntry *mount)
{
	for (size_t i = 0; i < table->count; i++)
		if (file_graft_has(mount, &table->entries[i]))
			return &table->entries[i];
	return NULL;
}

static int attach(int fd, const char *point, Reason *reterr_reason)
{
	int r = mount_close_up(fd, reterr_reason);

	if (r < 0)
		return r;
	r = mount_attach(fd, point);
	return r == 0 ? 0 : reason_errno(reterr_reason, r, "mounting on %s", point);
}

int file_graft_begin(const FileGraft *graft, Reason *reterr_reason)
{
	_cleanup_fd_ int fd = -1;
	int r = mount_clone(AT_FDCWD, graft->base, &fd, reterr_reason);

	return r < 0 ? r : attach(fd, graft->point, reterr_reason);
}

static const char *relative(const char *path)
{
	return path[0] ? path + 1 : ".";
}

static int refuse(const Walk *walk, const char *path, const char *what)
{
	return reason_set(walk->reason, -EOPNOTSUPP,
		"%s%s %s, and file systems are stacked too deep here for more than replacing "
		"files one by one: take system extensions off (systemd-sysext unmerge), or install "
		"the full update",
		walk->graft->directory, path, what);
}

static int failed(const Walk *walk, const char *path)
{
	return reason_errno(walk->reason, -errno, "%s%s", walk->graft->directory, path);
}

static int mount_file(const Walk *walk, const char *path)
{
	FileGraft *graft = walk->graft;
	_cleanup_free_ char *point = memory_printf("%s%s", graft->point, path);
	_cleanup_fd_ int fd = -1;
	int r;

	if (!point)
		return -ENOMEM;
	if (graft->count == FILE_GRAFT_FILES_MAX)
		return refuse(walk, path, "is one file more than can be mounted one by one");
	graft->count++;
	r = mount_clone(graft->overlay, relative(path), &fd, walk->reason);
	return r < 0 ? r : attach(fd, point, walk->reason);
}

static int check_link(const Walk *walk, const char *path)
{
	char new[PATH_MAX], old[PATH_MAX];
	ssize_t n = readlinkat(walk->tree, relative(path), new, sizeof(new));
	ssize_t m = n < 0 ? n : readlinkat(walk->base, relative(path), old, sizeof(old));

	if (m < 0)
		return failed(walk, path);
	if (n != m || memcmp(new, old, (size_t)n) != 0)
		return refuse(walk, path, "is a link to something else in the base");
	return 0;
}

static int visit_folder(const Walk *walk, const char *path);

static int visit_present(
	const Walk *walk, const char *path, const struct stat *new, const struct stat *old)
{
	if ((new->st_mode &S_IFMT) != (old->st_mode & S_IFMT))
		return refuse(walk, path, "is of another type in the base");
	if (S_ISREG(new->st_mode))
		return mount_file(walk, path);
	if (S_ISLNK(new->st_mode))
		return check_link(walk, path);
	if (!S_ISDIR(new->st_mode))
		return refuse(walk, path, "is no file");
	if (new->st_mode != old->st_mode || new->st_uid != old->st_uid ||
		new->st_gid != old->st_gid)
		return refuse(walk, path, "has another owner or mode than in the base");
	return visit_folder(walk, path);
}

static int visit(const Walk *walk, const char *path)
{
	struct stat new, old;
	bool removed;

	if (fstatat(walk->tree, relative(path), &new, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(walk, path);
	removed = S_ISCHR(new.st_mode) && new.st_rdev == 0; /* a whiteout */
	if (fstatat(walk->base, relative(path), &old, AT_SYMLINK_NOFOLLOW) == 0)
		return removed ? refuse(walk, path, "is to be removed")
			       : visit_present(walk, path, &new, &old);
	if (errno != ENOENT)
		return failed(walk, path);
	return removed ? 0 : refuse(walk, path, "is not in the base");
}

static void close_folder(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}

static int visit_entry(const Walk *walk, const char *folder, const char *name)
{
	_cleanup_free_ char *path = memory_printf("%s/%s", folder, name);

	return path ? visit(walk, path) : -ENOMEM;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int visit_folder(const Walk *walk, const char *path)
{
	_cleanup_(close_folder) DIR *stream = NULL;
	int fd =
		openat(walk->tree, relative(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	int r = 0;

	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		r = failed(walk, path);
		fd_close(fd);
		return r;
	}
	if (fgetxattr(fd, OPAQUE, NULL, 0) >= 0)
		return refuse(walk, path, "takes the place of all that the base has in it");
	if (errno != ENODATA && errno != EOPNOTSUPP)
		return failed(walk, path);
	errno = 0;
	while (r == 0 && (entry = readdir(stream))) {
		if (!is_dots(entry->d_name))
			r = visit_entry(walk, path, entry->d_name);
		errno = 0;
	}
	return r == 0 && errno != 0 ? failed(walk, path) : r;
}

int file_graft_add(FileGraft *graft, const char *tree, Reason *reterr_reason)
{
	Walk walk = {.graft = graft, .reason = reterr_reason};
	_cleanup_fd_ int tree_fd = open(tree, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd_ int base_fd =
		tree_fd < 0 ? -1 : open(graft->base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (base_fd < 0)
		return failed(&walk, "");
	walk.tree = tree_fd;
	walk.base = base_fd;
	return visit(&walk, "");
}
