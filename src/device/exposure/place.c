/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/text.h"
#include "device/exposure/views.h"

#define PROC_PATH_SIZE 64

/* A directory or file inside a file system. */
typedef struct Inside {
	dev_t device;
	char path[PATH_TEXT_MAX + 1];
} Inside;

void places_done(Places *places)
{
	mount_table_free(places->mounts);
	*places = (Places){};
}

static int read_own_mounts(Places *places)
{
	return places->mounts ? 0 : mount_table_read("/proc/self/mountinfo", &places->mounts, NULL);
}

/* `name` is spelled from `root`, the mount's point from inside it. False: it does not lie there. */
static bool look_inside(const MountEntry *mount, const char *root, const char *name, Inside *ret)
{
	const char *point = strcmp(mount->point, "/") == 0 ? "" : mount->point;
	const char *top = strcmp(mount->root, "/") == 0 ? "" : mount->root;
	size_t skip = strlen(root) + strlen(point);

	if (!text_starts_with(name, root) || !text_starts_with(name + strlen(root), point) ||
		(name[skip] != '/' && name[skip] != '\0'))
		return false;
	ret->device = mount->device;
	return snprintf(ret->path, sizeof(ret->path), "%s%s", top, name + skip) <
		(int)sizeof(ret->path);
}

/* Where a path of ours leads; the file itself may be gone. Takes over the path. */
static int find_inside(const Places *places, char *path, bool *ret_found, Inside *ret)
{
	_cleanup_free_ char *owned = path;
	_cleanup_free_ char *parent = owned ? path_parent(owned) : NULL;
	const MountEntry *mount;
	struct statx st;

	*ret_found = false;
	if (!parent)
		return -ENOMEM;
	if (statx(AT_FDCWD, parent, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0)
		return 0;
	mount = mount_table_find(places->mounts, (int)st.stx_mnt_id);
	*ret_found = mount && look_inside(mount, "", owned, ret);
	return 0;
}

/* Takes over the path. */
static int leads_inside(const Places *places, char *path, const Inside *inside, bool *ret)
{
	Inside there;
	bool found;
	int r = find_inside(places, path, &found, &there);

	*ret = r == 0 && found && there.device == inside->device &&
		strcmp(there.path, inside->path) == 0;
	return r;
}

/* Whether a path of the system leads there, or did in the base. */
static int is_of_system(const Places *places, const char *path, const Inside *inside, bool *ret)
{
	int r = leads_inside(places, view_base_path(places->store, path), inside, ret);

	if (r == 0 && !*ret)
		r = leads_inside(places, view_live_path(places->store, path), inside, ret);
	return r;
}

/* A name below a root, and perhaps below the device's, as a path of the system. */
static const char *system_path(const Places *places, const char *root, const char *name)
{
	size_t length = strlen(root), device = strlen(places->store->path);
	const char *path =
		text_starts_with(name, root) && name[length] == '/' ? name + length : name;

	if (strncmp(path, places->store->path, device) == 0 && path[device] == '/')
		path += device;
	return path + 1;
}

/* Whether one path ends with the other, which begins with a slash. */
static bool is_end_of(const char *path, const char *end)
{
	size_t length = strlen(end), whole = strlen(path);

	return length == whole + 1 ? strcmp(end + 1, path) == 0 : text_ends_with(path, end);
}

size_t place_likeness(const char *path, const char *name)
{
	size_t i = strlen(path), j = strlen(name), common = 0;

	while (i > 0 && j > 0 && path[i - 1] == name[j - 1]) {
		common += path[i - 1] == '/';
		i--;
		j--;
	}
	return common + (i == 0 && (j == 0 || name[j - 1] == '/'));
}

static bool is_graft(const MountEntry *mount)
{
	return strcmp(mount->type, "overlay") == 0 && strcmp(mount->source, MOUNT_SOURCE) == 0;
}

/* The graft directory, with a slash before it, of an overlay that /run/suture holds; NULL: it does
 * not hold it. */
static const char *held_directory(const Places *places, dev_t device)
{
	size_t root = strlen(places->store->path);

	for (size_t i = 0; i < places->mounts->count; i++) {
		const MountEntry *mount = &places->mounts->entries[i];
		const char *point = mount->point;

		if (mount->device == device && is_graft(mount) && strcmp(mount->root, "/") == 0 &&
			strncmp(point, places->store->path, root) == 0 &&
			text_starts_with(point + root, "/" STORE_RUN_OVERLAYS "/"))
			return strchr(point + root + strlen("/" STORE_RUN_OVERLAYS "/"), '/');
	}
	return NULL;
}

/* A file of the overlay that is mounted on a directory. */
static Place place_below(const char *directory, const char *inside, const ExposureFile *file)
{
	size_t length = strlen(directory + 1);

	return strncmp(file->path, directory + 1, length) == 0 &&
			strcmp(file->path + length, inside) == 0
		? PLACE_OURS
		: PLACE_BESIDE;
}

/* `spelled_from`: the root that the mount's point is told from; `root`: the process's. */
static int judge(const Places *places, const PlaceOf *of, const MountEntry *mount,
	const char *spelled_from, const char *root, const ExposureFile *file, Place *ret)
{
	const char *path, *directory = held_directory(places, of->device);
	Inside inside;
	bool is;
	int r = 0;

	*ret = PLACE_ELSEWHERE;
	if (!look_inside(mount, spelled_from, of->name, &inside))
		return 0;
	if (directory) {
		*ret = place_below(directory, inside.path, file);
		return 0;
	}
	path = system_path(places, root, of->name);
	is = is_graft(mount); /* an old one, that only this namespace still has */
	if (!is)
		r = is_of_system(places, path, &inside, &is);
	if (r == 0 && is) {
		*ret = strcmp(path, file->path) == 0 ? PLACE_OURS : PLACE_BESIDE;
		return 0;
	}
	if (r == 0)
		r = is_of_system(places, file->path, &inside, &is); /* under another name */
	if (r == 0 && is)
		*ret = PLACE_OURS;
	return r;
}

/* The mount of ours that a name would lead to, were it ours. */
static const MountEntry *mount_covering(const Places *places, const PlaceOf *of)
{
	const MountEntry *best = NULL;
	Inside inside;

	for (size_t i = 0; i < places->mounts->count; i++) {
		const MountEntry *mount = &places->mounts->entries[i];

		if (mount->device == of->device && look_inside(mount, "", of->name, &inside) &&
			(!best || strlen(mount->point) >= strlen(best->point)))
			best = mount;
	}
	return best;
}

/* The mount is taken off, and only the end of the name is known unless it is of an overlay that is
 * held; or the process's root hides it, as a folder of a namespace that is a copy of ours does. */
static int judge_hidden(const Places *places, const PlaceOf *of, const char *root,
	const ExposureFile *file, Place *ret)
{
	const char *directory = held_directory(places, of->device);
	const MountEntry *mount;

	*ret = PLACE_DETACHED;
	if (directory)
		*ret = place_below(directory, of->name, file);
	if (directory || is_end_of(file->path, of->name))
		return 0;
	*ret = PLACE_ELSEWHERE;
	mount = mount_covering(places, of);
	return mount ? judge(places, of, mount, "", root, file, ret) : 0;
}

static bool is_live_name(const Places *places, const char *name, const ExposureFile *file)
{
	size_t root = strlen(places->store->path);

	return strncmp(name, places->store->path, root) == 0 && name[root] == '/' &&
		strcmp(name + root + 1, file->path) == 0;
}

/* In the process's own namespace, whose mounts are spelled from its root. */
static int judge_apart(const Places *places, const PlaceOf *of, const char *root,
	const ExposureFile *file, Place *ret)
{
	_cleanup_(mount_table_freep) MountTable *mounts = NULL;
	char path[PROC_PATH_SIZE];
	const MountEntry *mount;
	int r;

	*ret = PLACE_ELSEWHERE;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", of->pid);
	r = mount_table_read(path, &mounts, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	mount = mount_table_find(mounts, of->mount);
	if (mount)
		return judge(places, of, mount, root, root, file, ret);
	return judge_hidden(places, of, root, file, ret);
}

int place_find(Places *places, const PlaceOf *of, const ExposureFile *file, Place *ret)
{
	char path[PROC_PATH_SIZE], root[PATH_TEXT_MAX + 1] = "";
	const MountEntry *mount;
	int r = read_own_mounts(places);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/root", of->pid);
	if (readlink(path, root, sizeof(root) - 1) < 0 || strcmp(root, "/") == 0)
		root[0] = '\0';
	mount = mount_table_find(places->mounts, of->mount);
	if (!mount)
		return judge_apart(places, of, root, file, ret);
	/* a mount may have covered the path since, and hide where it led before */
	if (is_live_name(places, of->name, file)) {
		*ret = PLACE_OURS;
		return 0;
	}
	return judge(places, of, mount, "", root, file, ret);
}
