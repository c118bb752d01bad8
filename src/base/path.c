/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/text.h"

static bool is_plain_component(const char *name, size_t length)
{
	return length > 0 && !(length == 1 && name[0] == '.') &&
		!(length == 2 && name[0] == '.' && name[1] == '.');
}

bool path_is_normal(const char *path)
{
	size_t total = strlen(path);

	if (total == 0 || total > PATH_TEXT_MAX || !text_is_printable(path))
		return false;
	for (;;) {
		size_t length = strcspn(path, "/");

		if (!is_plain_component(path, length))
			return false;
		if (path[length] == '\0')
			return true;
		path += length + 1;
	}
}

bool path_is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
		(path[length] == '\0' || path[length] == '/');
}

char *path_join(const char *directory, const char *name)
{
	const char *slash = text_ends_with(directory, "/") ? "" : "/";

	return memory_printf("%s%s%s", directory, slash, name[0] == '/' ? name + 1 : name);
}

char *path_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return memory_string(".");
	return slash == path ? memory_string("/") : memory_string_n(path, (size_t)(slash - path));
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int make_directory(int dir, const char *path, mode_t mode)
{
	return mkdirat(dir, path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int path_make_directories(int dir, const char *path, mode_t mode)
{
	_cleanup_free_ char *partial = memory_string(path);
	struct stat st;

	if (!partial)
		return -ENOMEM;
	for (char *at = partial + 1; *at; at++) {
		int r;

		if (*at != '/')
			continue;
		*at = '\0';
		r = make_directory(dir, partial, mode);
		if (r < 0)
			return r;
		*at = '/';
	}
	if (mkdirat(dir, path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(dir, path, &st, 0) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int path_make_parent(int dir, const char *path, mode_t mode)
{
	_cleanup_free_ char *parent = path_parent(path);

	if (!parent)
		return -ENOMEM;
	return path_make_directories(dir, parent, mode);
}

static void close_directory(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}

static int remove_entry(int dir, const char *name, dev_t device);

static int remove_contents(int dir, const char *name, dev_t device)
{
	_cleanup_(close_directory) DIR *stream = NULL;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;

	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream) {
		int r = -errno;

		fd_close(fd);
		return r;
	}
	while ((entry = readdir(stream))) {
		int r;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = remove_entry(fd, entry->d_name, device);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A mount point inside a tree that is to be removed means that the tree is in use: stop there. */
static int remove_entry(int dir, const char *name, dev_t device)
{
	struct stat st;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dir, name, 0) < 0 ? -errno : 0;
	if (st.st_dev != device)
		return -EXDEV;
	r = remove_contents(dir, name, device);
	if (r < 0)
		return r;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int path_remove_tree(int dir, const char *path)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return remove_entry(dir, path, st.st_dev);
}

int path_make_temporary(const char *parent, const char *prefix, char **ret_path)
{
	_cleanup_free_ char *path = memory_printf("%s/%s.XXXXXX", parent, prefix);

	if (!path)
		return -ENOMEM;
	if (!mkdtemp(path))
		return -errno;
	*ret_path = TAKE_PTR(path);
	return 0;
}
