/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime, second half: taking down what stands below /run/suture and is not needed any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/maps.h"
#include "base/path.h"
#include "base/text.h"
#include "device/activate/mount.h"
#include "device/activate/runtime.h"

#define OWN_MOUNTS "/proc/self/mountinfo"

/* The held overlays, and for each whether somebody needs it. */
typedef struct Needs {
	const HeldList *held;
	bool *needed;
} Needs;

static void need_device(Needs *needs, dev_t device)
{
	for (size_t i = 0; i < needs->held->count; i++)
		if (needs->held->items[i].device == device)
			needs->needed[i] = true;
}

/* Overlays that are on a directory, be it hidden below another mount. */
static void need_attached(Needs *needs, const Runtime *runtime, const MountTable *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (!path_is_below(table->entries[i].point, runtime->path))
			need_device(needs, table->entries[i].device);
}

static int need_mapping(pid_t pid, const Mapping *mapping, void *context)
{
	need_device(context, makedev(mapping->major, mapping->minor));
	return 0;
}

static int need_process(pid_t pid, void *context)
{
	return maps_visit(pid, need_mapping, context);
}

static bool all_needed(const Needs *needs)
{
	for (size_t i = 0; i < needs->held->count; i++)
		if (!needs->needed[i])
			return false;
	return true;
}

/* Removes the empty folders of a point that was detached, up to overlay/<name>. */
static void remove_point(const Runtime *runtime, const char *point)
{
	_cleanup_free_ char *name = memory_string(point + strlen(runtime->path) + 1);
	char *slash = name ? strchr(name, '/') : NULL;
	_cleanup_fd_ int dir = open(runtime->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!slash || dir < 0)
		return;
	slash = strchr(slash + 1, '/');
	if (slash)
		*slash = '\0';
	/* refuses to cross into a mount of the same overlay folder that is still there */
	path_remove_tree(dir, name);
}

static int detach_point(const Runtime *runtime, const char *point, Reason *reterr_reason)
{
	int r = mount_detach(point);

	if (r < 0)
		return reason_errno(reterr_reason, r, "detaching %s", point);
	remove_point(runtime, point);
	return 0;
}

/* *ret_old: overlays that stay although they are on no directory. */
static int collect_overlays(const Runtime *runtime, const MountTable *table, const HeldList *held,
	bool *needed, size_t *ret_old, Reason *reterr_reason)
{
	Needs needs = {.held = held, .needed = needed};
	size_t on = 0, stay = 0;
	int r = 0;

	need_attached(&needs, runtime, table);
	for (size_t i = 0; i < held->count; i++)
		on += needed[i];
	if (!all_needed(&needs))
		r = processes_visit(need_process, &needs);
	for (size_t i = 0; r == 0 && i < held->count; i++) {
		stay += needed[i];
		if (!needed[i])
			r = detach_point(runtime, held->items[i].point, reterr_reason);
	}
	*ret_old = stay - on;
	return r;
}

static bool image_is_kept(const char *name, const Digest *keep, size_t count)
{
	Digest digest;

	if (digest_from_text(name, &digest) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (digest_equal(&keep[i], &digest))
			return true;
	return false;
}

static bool base_is_needed(const char *directory, const HeldList *held, const bool *needed)
{
	for (size_t i = 0; i < held->count; i++)
		if (needed[i] && strcmp(held->items[i].directory, directory) == 0)
			return true;
	return false;
}

/* What is mounted below base/ and image/. While an old overlay is held its images are, too: a store
 * that looks at image/ must not think that their space would be free. */
static int collect_layers(const Runtime *runtime, const MountTable *table, const HeldList *held,
	const bool *needed, const Digest *keep, size_t count, bool keep_all_images,
	Reason *reterr_reason)
{
	_cleanup_free_ char *images = memory_printf("%s/image/", runtime->path);
	_cleanup_free_ char *bases = memory_printf("%s/base/", runtime->path);
	int r = 0;

	if (!images || !bases)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < table->count; i++) {
		const char *point = table->entries[i].point;
		bool unneeded = false;

		if (text_starts_with(point, images))
			unneeded = !keep_all_images &&
				!image_is_kept(point + strlen(images), keep, count);
		else if (text_starts_with(point, bases))
			unneeded = !base_is_needed(point + strlen(bases), held, needed);
		if (unneeded)
			r = detach_point(runtime, point, reterr_reason);
	}
	return r;
}

static int collect_all(Runtime *runtime, const Digest *keep_images, size_t keep_count,
	bool keep_all_images, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_(held_list_done) HeldList held = {};
	_cleanup_free_ bool *needed = NULL;
	size_t old = 0;
	int r = mount_table_read(OWN_MOUNTS, &table, reterr_reason);

	if (r == 0)
		r = runtime_held(runtime, table, &held);
	if (r < 0)
		return r;
	needed = memory_new_array(held.count, sizeof(*needed));
	if (!needed)
		return -ENOMEM;
	r = collect_overlays(runtime, table, &held, needed, &old, reterr_reason);
	if (r == 0)
		r = collect_layers(runtime, table, &held, needed, keep_images, keep_count,
			keep_all_images || old > 0, reterr_reason);
	return r;
}

int runtime_collect(
	Runtime *runtime, const Digest *keep_images, size_t keep_count, Reason *reterr_reason)
{
	return collect_all(runtime, keep_images, keep_count, false, reterr_reason);
}

int runtime_collect_overlays(Runtime *runtime, Reason *reterr_reason)
{
	return collect_all(runtime, NULL, 0, true, reterr_reason);
}

int runtime_close_down(Runtime *runtime, Reason *reterr_reason)
{
	int r = runtime_find(runtime, reterr_reason);

	if (r <= 0)
		return r;
	r = mount_detach(runtime->path); /* with all that is mounted below */
	return r == 0 ? 0 : reason_errno(reterr_reason, r, "detaching %s", runtime->path);
}
