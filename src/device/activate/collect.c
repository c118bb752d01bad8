/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime, second half: taking down what stands below /run/suture and is not needed any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/maps.h"
#include "base/path.h"
#include "base/text.h"
#include "device/activate/mount.h"
#include "device/activate/runtime.h"

#define OWN_MOUNTS "/proc/self/mountinfo"

/* What is mounted, the held overlays among it, and for each of these whether somebody needs it. */
typedef struct Needs {
	MountTable *table;
	HeldList held;
	bool *needed;
} Needs;

/* The images that stay. */
typedef struct Keep {
	const Digest *images;
	size_t count;
	bool all;
} Keep;

static void needs_done(Needs *needs)
{
	mount_table_free(needs->table);
	held_list_done(&needs->held);
	free(needs->needed);
}

static void need_device(Needs *needs, dev_t device)
{
	for (size_t i = 0; i < needs->held.count; i++)
		if (needs->held.items[i].device == device)
			needs->needed[i] = true;
}

/* Overlays that are on a directory, be it hidden below another mount. */
static void need_attached(Needs *needs, const Runtime *runtime)
{
	const MountEntry *entries = needs->table->entries;

	for (size_t i = 0; i < needs->table->count; i++)
		if (!path_is_below(entries[i].point, runtime->path))
			need_device(needs, entries[i].device);
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
	for (size_t i = 0; i < needs->held.count; i++)
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
	while (mount_detach(point) == 0) /* a graft by files lies over its overlay */
		;
	remove_point(runtime, point);
	return 0;
}

/* Whether nothing newer is on the directory. */
static bool is_latest(const Needs *needs, const Held *held)
{
	for (size_t i = 0; i < needs->held.count; i++)
		if (needs->needed[i] && needs->held.items[i].serial > held->serial &&
			strcmp(needs->held.items[i].directory, held->directory) == 0)
			return false;
	return true;
}

/* *ret_old: overlays that stay although they are on no directory, or below what is. */
static int collect_overlays(
	const Runtime *runtime, Needs *needs, size_t *ret_old, Reason *reterr_reason)
{
	size_t on = 0, stay = 0;
	int r = 0;

	need_attached(needs, runtime);
	for (size_t i = 0; i < needs->held.count; i++)
		on += needs->needed[i] && is_latest(needs, &needs->held.items[i]);
	if (!all_needed(needs))
		r = processes_visit(need_process, needs);
	for (size_t i = 0; r == 0 && i < needs->held.count; i++) {
		stay += needs->needed[i];
		if (!needs->needed[i])
			r = detach_point(runtime, needs->held.items[i].point, reterr_reason);
	}
	*ret_old = stay - on;
	return r;
}

static bool image_is_kept(const char *name, const Keep *keep)
{
	Digest digest;

	if (keep->all || digest_from_text(name, &digest) < 0)
		return keep->all;
	for (size_t i = 0; i < keep->count; i++)
		if (digest_equal(&keep->images[i], &digest))
			return true;
	return false;
}

static bool base_is_needed(const char *directory, const Needs *needs)
{
	for (size_t i = 0; i < needs->held.count; i++)
		if (needs->needed[i] && strcmp(needs->held.items[i].directory, directory) == 0)
			return true;
	return false;
}

static void forget_since(const Runtime *runtime, const char *digest)
{
	_cleanup_free_ char *path = memory_printf("%s/since/%s", runtime->path, digest);

	if (path)
		file_remove(AT_FDCWD, path);
}

/* What is mounted below base/ and image/. */
static int collect_layers(
	const Runtime *runtime, const Needs *needs, const Keep *keep, Reason *reterr_reason)
{
	_cleanup_free_ char *images = memory_printf("%s/image/", runtime->path);
	_cleanup_free_ char *bases = memory_printf("%s/base/", runtime->path);
	int r = 0;

	if (!images || !bases)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < needs->table->count; i++) {
		const char *point = needs->table->entries[i].point;
		bool unneeded = false;

		if (text_starts_with(point, images)) {
			unneeded = !image_is_kept(point + strlen(images), keep);
			if (unneeded)
				forget_since(runtime, point + strlen(images));
		} else if (text_starts_with(point, bases)) {
			unneeded = !base_is_needed(point + strlen(bases), needs);
		}
		if (unneeded)
			r = detach_point(runtime, point, reterr_reason);
	}
	return r;
}

static int collect_all(Runtime *runtime, Keep keep, Reason *reterr_reason)
{
	_cleanup_(needs_done) Needs needs = {};
	size_t old = 0;
	int r = mount_table_read(OWN_MOUNTS, &needs.table, reterr_reason);

	if (r == 0)
		r = runtime_held(runtime, needs.table, &needs.held);
	if (r < 0)
		return r;
	needs.needed = memory_new_array(needs.held.count, sizeof(bool));
	if (!needs.needed)
		return -ENOMEM;
	r = collect_overlays(runtime, &needs, &old, reterr_reason);
	/* while an old overlay is held its images are, too: a store that looks at image/ must not
	 * think that their space would be free */
	keep.all = keep.all || old > 0;
	return r < 0 ? r : collect_layers(runtime, &needs, &keep, reterr_reason);
}

int runtime_collect(
	Runtime *runtime, const Digest *keep_images, size_t keep_count, Reason *reterr_reason)
{
	return collect_all(
		runtime, (Keep){.images = keep_images, .count = keep_count}, reterr_reason);
}

int runtime_collect_overlays(Runtime *runtime, Reason *reterr_reason)
{
	return collect_all(runtime, (Keep){.all = true}, reterr_reason);
}

int runtime_close_down(Runtime *runtime, Reason *reterr_reason)
{
	int r = runtime_find(runtime, reterr_reason);

	if (r <= 0)
		return r;
	r = mount_detach(runtime->path); /* with all that is mounted below */
	return r == 0 ? 0 : reason_errno(reterr_reason, r, "detaching %s", runtime->path);
}
