/* SPDX-License-Identifier: Apache-2.0 */
/* Probe, second half: mounts below a graft directory in the namespaces of other processes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/maps.h"
#include "base/path.h"
#include "device/activate/file-graft.h"
#include "device/activate/probe.h"

typedef struct Search {
	const Graft *grafts;
	MountPlace *places; /* of the graft directories' base, one each */
	size_t count;
	const HeldList *held;
	ino_t *seen; /* mount namespaces */
	size_t seen_count;
	ino_t users; /* our user namespace */
	Reason *reason;
} Search;

static bool is_on(const char *path, const char *point)
{
	return strcmp(point, "/") == 0 || path_is_below(path, point);
}

/* The mount that carries the graft directory of the base: the top one, under those of ours. */
static const MountEntry *base_mount(const Graft *graft, const MountTable *table)
{
	const MountEntry *mount = mount_table_find(table, graft->top.id);

	for (size_t i = 0; mount && i < graft->depth; i++)
		mount = mount_table_find(table, mount->parent);
	return mount;
}

static bool is_strictly_below(const char *path, const char *directory)
{
	return path_is_below(path, directory) && strcmp(path, directory) != 0;
}

/* The graft whose directory has the place below it; through the base, or through an overlay of it.
 */
static const Graft *hit(const Search *search, const MountPlace *place)
{
	const Held *held = held_find(search->held, place->device);

	for (size_t i = 0; i < search->count; i++) {
		const Graft *graft = &search->grafts[i];
		const MountPlace *base = &search->places[i];

		if (place->device == base->device && is_strictly_below(place->path, base->path))
			return graft;
		if (held && held->generation > 0 && place->path[0] &&
			strcmp(held->directory, graft->directory) == 0)
			return graft;
	}
	return NULL;
}

static int check_table(const Search *search, const MountTable *table, pid_t pid)
{
	for (size_t i = 0; i < table->count; i++) {
		const MountEntry *mount = &table->entries[i];
		const MountEntry *parent = mount_table_find(table, mount->parent);
		MountPlace place = {};
		const Graft *graft;
		int r;

		/* a parent outside the process's root is not shown, and none of our matter */
		if (!parent || parent == mount || !is_on(mount->point, parent->point) ||
			file_graft_has(parent, mount))
			continue;
		r = mount_place(parent, mount->point, &place);
		if (r < 0)
			return r;
		graft = hit(search, &place);
		mount_place_done(&place);
		if (graft)
			return reason_set(search->reason, -EBUSY,
				"process %d has its own mount on %s, below the graft directory %s, "
				"which "
				"would be uncovered: stop that process first",
				pid, mount->point, graft->path);
	}
	return 0;
}

/* Every user may make a user namespace, and mounts in a mount namespace of it: that must not veto
 * what protects all others. Its owner could uncover the path anyway, so the mount hides nothing
 * from anybody. What cannot be found out counts as ours. */
static bool belongs_to_others(const Search *search, int namespace)
{
	_cleanup_fd_ int users = ioctl(namespace, NS_GET_USERNS);
	struct stat st;

	return users >= 0 && fstat(users, &st) == 0 && st.st_ino != search->users;
}

/* 1 for a namespace that has to be looked at. Its number stands behind those that were seen, for
 * the caller to count once it was. */
static int is_new(Search *search, int namespace)
{
	struct stat st;
	int r;

	if (fstat(namespace, &st) < 0)
		return -errno;
	for (size_t i = 0; i < search->seen_count; i++)
		if (search->seen[i] == st.st_ino)
			return 0;
	r = memory_grow(&search->seen, search->seen_count, sizeof(*search->seen));
	if (r < 0)
		return r;
	search->seen[search->seen_count] = st.st_ino;
	return !belongs_to_others(search, namespace);
}

static int check_namespace(pid_t pid, void *context)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_fd_ int namespace = -1;
	Search *search = context;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return 0; /* ended */
	r = is_new(search, namespace);
	if (r <= 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	r = mount_table_read(path, &table, NULL);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return 0; /* ended; a living one of the same namespace comes later */
	search->seen_count++;
	return check_table(search, table, pid);
}

static int find_users(Search *search)
{
	struct stat st;

	if (stat("/proc/self/ns/user", &st) < 0)
		return reason_errno(search->reason, -errno, "/proc/self/ns/user");
	search->users = st.st_ino;
	return 0;
}

int probe_namespaces(const Graft *grafts, size_t count, const Runtime *runtime,
	const MountTable *table, const HeldList *held, Reason *reterr_reason)
{
	Search search = {.grafts = grafts, .held = held, .reason = reterr_reason};
	int r = find_users(&search);

	if (r < 0)
		return r;
	search.places = memory_new_array(count, sizeof(MountPlace));
	if (!search.places)
		return -ENOMEM;
	for (; r == 0 && search.count < count; search.count++) {
		const MountEntry *mount = base_mount(&grafts[search.count], table);

		if (mount)
			r = mount_place(
				mount, grafts[search.count].path, &search.places[search.count]);
	}
	if (r == 0)
		r = processes_visit(check_namespace, &search);
	for (size_t i = 0; i < search.count; i++)
		mount_place_done(&search.places[i]);
	free(search.places);
	free(search.seen);
	return r;
}
