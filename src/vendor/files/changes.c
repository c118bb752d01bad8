/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/changes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#define COMPARE_CHUNK   ((size_t)64 * 1024)
#define XATTR_VALUE_MAX 65536 /* XATTR_SIZE_MAX of Linux */

static const char *const not_the_image[] = {"dev", "lost+found", "proc", "run", "sys", "tmp", NULL};

/* One file seen from both sides. */
typedef struct Pair {
	const char *relative;
	char *old_path, *new_path;
	struct stat old, new;
	bool has_old, has_new;
} Pair;

typedef struct Names {
	char **items;
	size_t count;
} Names;

static void pair_done(Pair *pair)
{
	free(pair->old_path);
	free(pair->new_path);
}

static void names_done(Names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

void changes_done(Changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		free(changes->items[i].path);
	free(changes->items);
	*changes = (Changes){};
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_names(const char *folder, Names *names)
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	int r = 0;

	if (!stream)
		return -errno;
	while (r == 0 && (entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = memory_grow(&names->items, names->count, sizeof(*names->items));
		if (r < 0)
			break;
		names->items[names->count] = memory_string(entry->d_name);
		r = names->items[names->count] ? 0 : -ENOMEM;
		names->count += r == 0;
	}
	closedir(stream);
	return r;
}

static int sort_names(Names *names)
{
	size_t kept = 0;

	if (names->count > 0)
		qsort(names->items, names->count, sizeof(*names->items), compare_texts);
	for (size_t i = 0; i < names->count; i++)
		if (kept > 0 && strcmp(names->items[kept - 1], names->items[i]) == 0)
			free(names->items[i]);
		else
			names->items[kept++] = names->items[i];
	names->count = kept;
	return 0;
}

int changes_list_xattrs(const char *path, char **ret_names, size_t *ret_size)
{
	_cleanup_free_ char *raw = memory_new(XATTR_LIST_MAX), *sorted = memory_new(XATTR_LIST_MAX);
	_cleanup_free_ char **names = NULL;
	size_t count = 0, used = 0;
	ssize_t size;

	if (!raw || !sorted)
		return -ENOMEM;
	size = llistxattr(path, raw, XATTR_LIST_MAX);
	if (size < 0 && errno != ENOTSUP)
		return -errno;
	for (const char *name = raw; size > 0 && name < raw + size; name += strlen(name) + 1) {
		int r = memory_grow(&names, count, sizeof(*names));

		if (r < 0)
			return r;
		names[count++] = (char *)name;
	}
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_texts);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]) + 1;

		memcpy(sorted + used, names[i], length);
		used += length;
	}
	*ret_names = TAKE_PTR(sorted);
	*ret_size = used;
	return 0;
}

static int same_value(const char *old_path, const char *new_path, const char *name)
{
	_cleanup_free_ char *a = memory_new(XATTR_VALUE_MAX), *b = memory_new(XATTR_VALUE_MAX);
	ssize_t n, m;

	if (!a || !b)
		return -ENOMEM;
	n = lgetxattr(old_path, name, a, XATTR_VALUE_MAX);
	m = lgetxattr(new_path, name, b, XATTR_VALUE_MAX);
	if (n < 0 || m < 0)
		return -errno;
	return n == m && memcmp(a, b, (size_t)n) == 0;
}

/* 1: the same, 0: not, negative: an error. */
static int same_xattrs(const Pair *pair)
{
	_cleanup_free_ char *old = NULL, *new = NULL;
	size_t old_size, new_size;
	int r = changes_list_xattrs(pair->old_path, &old, &old_size);

	if (r == 0)
		r = changes_list_xattrs(pair->new_path, &new, &new_size);
	if (r < 0)
		return r;
	if (old_size != new_size || memcmp(old, new, old_size) != 0)
		return 0;
	for (const char *name = old; name < old + old_size; name += strlen(name) + 1) {
		r = same_value(pair->old_path, pair->new_path, name);
		if (r != 1)
			return r;
	}
	return 1;
}

static int same_content(const Pair *pair)
{
	_cleanup_fd_ int old = open(pair->old_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_fd_ int new = open(pair->new_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ uint8_t *a = memory_raw(COMPARE_CHUNK), *b = memory_raw(COMPARE_CHUNK);
	size_t left = (size_t)pair->old.st_size;

	if (old < 0 || new < 0)
		return -errno;
	if (!a || !b)
		return -ENOMEM;
	while (left > 0) {
		size_t n = left < COMPARE_CHUNK ? left : COMPARE_CHUNK;
		int r = fd_read_full(old, a, n);

		if (r == 0)
			r = fd_read_full(new, b, n);
		if (r < 0)
			return r;
		if (memcmp(a, b, n) != 0)
			return 0;
		left -= n;
	}
	return 1;
}

static int same_link(const Pair *pair)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t n = readlink(pair->old_path, a, sizeof(a)),
		m = readlink(pair->new_path, b, sizeof(b));

	if (n < 0 || m < 0)
		return -errno;
	return n == m && memcmp(a, b, (size_t)n) == 0;
}

static int same_file(const Pair *pair)
{
	int r;

	if (pair->old.st_mode != pair->new.st_mode || pair->old.st_uid != pair->new.st_uid ||
		pair->old.st_gid != pair->new.st_gid)
		return 0;
	r = same_xattrs(pair);
	if (r != 1)
		return r;
	if (S_ISLNK(pair->old.st_mode))
		return same_link(pair);
	if (S_ISREG(pair->old.st_mode))
		return pair->old.st_size == pair->new.st_size ? same_content(pair) : 0;
	return pair->old.st_rdev == pair->new.st_rdev || S_ISDIR(pair->old.st_mode);
}

static int add_change(Changes *changes, ChangeKind kind, const Pair *pair)
{
	int r = memory_grow(&changes->items, changes->count, sizeof(*changes->items));
	Change *change;

	if (r < 0)
		return r;
	change = &changes->items[changes->count];
	change->kind = kind;
	change->mode = pair->has_new ? pair->new.st_mode : pair->old.st_mode;
	change->old_mode = pair->has_old ? pair->old.st_mode : 0;
	change->path = memory_string(pair->relative);
	if (!change->path)
		return -ENOMEM;
	changes->count++;
	return 0;
}

static int look_at(const char *path, struct stat *ret, bool *ret_exists)
{
	*ret_exists = lstat(path, ret) == 0;
	return *ret_exists || errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

static int compare_folders(const char *old_root, const char *new_root, const char *relative,
	bool has_old, bool has_new, Changes *changes, Reason *reason);

static int compare_pair(
	Pair *pair, const char *old_root, const char *new_root, Changes *changes, Reason *reason)
{
	bool old_folder = pair->has_old && S_ISDIR(pair->old.st_mode);
	bool new_folder = pair->has_new && S_ISDIR(pair->new.st_mode);
	int r = 0;

	if (!pair->has_new)
		return add_change(changes, CHANGE_REMOVED, pair);
	if (!pair->has_old)
		r = add_change(changes, CHANGE_ADDED, pair);
	else {
		r = same_file(pair);
		if (r < 0)
			return reason_errno(reason, r, "cannot compare %s", pair->relative);
		r = r == 0 ? add_change(changes, CHANGE_MODIFIED, pair) : 0;
	}
	if (r < 0 || !new_folder)
		return r;
	return compare_folders(
		old_root, new_root, pair->relative, old_folder, true, changes, reason);
}

static int compare_name(const char *old_root, const char *new_root, const char *relative,
	Changes *changes, Reason *reason)
{
	_cleanup_(pair_done) Pair pair = {
		.relative = relative,
		.old_path = path_join(old_root, relative),
		.new_path = path_join(new_root, relative),
	};
	int r;

	if (!pair.old_path || !pair.new_path)
		return -ENOMEM;
	r = look_at(pair.old_path, &pair.old, &pair.has_old);
	if (r == 0)
		r = look_at(pair.new_path, &pair.new, &pair.has_new);
	if (r < 0)
		return reason_errno(reason, r, "cannot look at %s", relative);
	return compare_pair(&pair, old_root, new_root, changes, reason);
}

static int list_folder(const char *root, const char *relative, Names *names, Reason *reason)
{
	_cleanup_free_ char *folder = path_join(root, relative);
	int r = folder ? add_names(folder, names) : -ENOMEM;

	return r < 0 ? reason_errno(reason, r, "cannot list %s/%s", root, relative) : 0;
}

static int compare_folders(const char *old_root, const char *new_root, const char *relative,
	bool has_old, bool has_new, Changes *changes, Reason *reason)
{
	_cleanup_(names_done) Names names = {};
	int r = has_old ? list_folder(old_root, relative, &names, reason) : 0;

	if (r == 0 && has_new)
		r = list_folder(new_root, relative, &names, reason);
	if (r == 0)
		r = sort_names(&names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		_cleanup_free_ char *path = NULL;

		if (relative[0] == '\0' && text_index(not_the_image, names.items[i]) >= 0)
			continue;
		path = relative[0] ? path_join(relative, names.items[i])
				   : memory_string(names.items[i]);
		r = path ? compare_name(old_root, new_root, path, changes, reason) : -ENOMEM;
	}
	return r;
}

static int compare_changes(const void *a, const void *b)
{
	return strcmp(((const Change *)a)->path, ((const Change *)b)->path);
}

int changes_find(
	const char *old_root, const char *new_root, Changes *ret_changes, Reason *reterr_reason)
{
	_cleanup_changes_ Changes changes = {};
	int r = compare_folders(old_root, new_root, "", true, true, &changes, reterr_reason);

	if (r < 0)
		return r;
	if (changes.count > 0)
		qsort(changes.items, changes.count, sizeof(*changes.items), compare_changes);
	*ret_changes = changes;
	changes = (Changes){};
	return 0;
}
