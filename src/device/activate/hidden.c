/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/hidden.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/fd.h"
#include "base/path.h"

#define OWN_MOUNTS "/proc/self/mountinfo"

typedef struct Search {
	const Store *store;
	const MountTable *table;
	const HeldList *held;
	const Wanted *wanted;
} Search;

static bool is_ours_on(const Search *search, const MountEntry *entry, const Graft *graft)
{
	const char *directory;

	return graft_is_ours(search->store, search->table, entry, &directory) &&
		strcmp(directory, graft->directory) == 0;
}

/* What is mounted on the root of a mount; NULL: nothing. */
static const MountEntry *mounted_on(const MountTable *table, const MountEntry *mount)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i].parent == mount->id &&
			strcmp(table->entries[i].point, mount->point) == 0)
			return &table->entries[i];
	return NULL;
}

/* How many mounts lie on the stack's lowest one, itself included, above the wanted one. 0 too where
 * something foreign lies on top. */
static size_t count_unwanted(const Search *search, const Graft *graft, const MountEntry *lowest)
{
	size_t unwanted = 0;

	for (const MountEntry *mount = lowest; mount; mount = mounted_on(search->table, mount)) {
		if (!is_ours_on(search, mount, graft))
			return 0;
		unwanted++;
		if (wanted_is(search->wanted, graft_held(search->held, search->table, mount)))
			unwanted = 0;
	}
	return unwanted;
}

/* A path would be led away by the mount that hides the directory; a file handle, opened on the very
 * mount that carries it, is not. The handle comes from a copy of that mount, which nothing covers.
 */
static int open_on(const MountEntry *carrier, const char *path, int *ret_fd)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} name = {.handle.handle_bytes = MAX_HANDLE_SZ};
	const char *inside = path + (strcmp(carrier->point, "/") == 0 ? 0 : strlen(carrier->point));
	_cleanup_fd_ int mount = open(carrier->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int copy = -1;
	MountId is;
	int unused, r = mount < 0 ? -errno : mount_id(mount, "", &is);

	if (r == 0 && is.id != carrier->id)
		r = -ENOENT; /* it is hidden itself */
	if (r == 0)
		r = mount_clone(mount, ".", &copy, NULL);
	if (r < 0)
		return r;
	if (name_to_handle_at(copy, inside + 1, &name.handle, &unused, 0) < 0)
		return -errno;
	*ret_fd = open_by_handle_at(mount, &name.handle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

static void detach_stack(const Search *search, const Graft *graft, const MountEntry *lowest)
{
	const MountEntry *carrier = mount_table_find(search->table, lowest->parent);
	size_t unwanted = count_unwanted(search, graft, lowest);
	_cleanup_fd_ int fd = -1;
	char path[32];

	if (unwanted == 0 || !carrier || open_on(carrier, graft->path, &fd) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	while (unwanted-- > 0 && umount2(path, MNT_DETACH) == 0)
		;
}

/* The lowest mount of the stack that the path leads to stands on `graft->carrier`. */
static void detach_hidden(const Search *search, const Graft *graft)
{
	for (size_t i = 0; i < search->table->count; i++) {
		const MountEntry *mount = &search->table->entries[i];
		const MountEntry *parent = mount_table_find(search->table, mount->parent);

		if (parent && is_ours_on(search, mount, graft) &&
			!is_ours_on(search, parent, graft) && parent->id != graft->carrier)
			detach_stack(search, graft, mount);
	}
}

void hidden_detach(const Plan *plan, const Runtime *runtime)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_(held_list_done) HeldList held = {};
	Search search = {.store = runtime->store, .held = &held, .wanted = &plan->wanted};

	if (mount_table_read(OWN_MOUNTS, &table, NULL) < 0 ||
		runtime_held(runtime, table, &held) < 0)
		return;
	search.table = table;
	for (size_t i = 0; i < plan->graft_count; i++)
		detach_hidden(&search, &plan->grafts[i]);
}
