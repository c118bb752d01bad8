/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/path.h"
#include "base/text.h"
#include "device/activate/file-graft.h"
#include "device/activate/mount.h"

#define OWN_MOUNTS  "/proc/self/mountinfo"
#define DIGEST_PART 16 /* digits of the record's digest in a folder's name */

int runtime_open(const Store *store, const char *run, unsigned features, Runtime **ret,
	Reason *reterr_reason)
{
	_cleanup_(runtime_freep) Runtime *runtime = memory_new(sizeof(*runtime));

	if (!runtime)
		return -ENOMEM;
	runtime->store = store;
	runtime->features = features;
	runtime->run = run ? memory_string(run) : memory_printf("%s/run", store->path);
	if (runtime->run)
		runtime->path = memory_printf("%s/suture", runtime->run);
	if (!runtime->path)
		return -ENOMEM;
	*ret = TAKE_PTR(runtime);
	return 0;
}

Runtime *runtime_free(Runtime *runtime)
{
	if (!runtime)
		return NULL;
	free(runtime->run);
	free(runtime->path);
	free(runtime);
	return NULL;
}

static bool is_mounted(const char *path)
{
	MountId id;

	return mount_id(AT_FDCWD, path, &id) == 0 && id.is_root;
}

int runtime_find(const Runtime *runtime, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	const MountEntry *entry;
	MountId id;
	int r = mount_id(AT_FDCWD, runtime->path, &id);

	if (r < 0)
		return r == -ENOENT ? 0 : reason_errno(reterr_reason, r, "%s", runtime->path);
	if (!id.is_root)
		return 0;
	r = mount_table_read(OWN_MOUNTS, &table, reterr_reason);
	if (r < 0)
		return r;
	entry = mount_table_find(table, id.id);
	if (entry && strcmp(entry->type, "tmpfs") == 0 && strcmp(entry->source, MOUNT_SOURCE) == 0)
		return 1;
	return reason_set(reterr_reason, -EBUSY,
		"%s is taken by a mount that is not Suture's: unmount it", runtime->path);
}

static int attach_private(int fd, const char *path, Reason *reterr_reason)
{
	int r = mount_attach(fd, path);

	return r == 0 ? 0 : reason_errno(reterr_reason, r, "mounting on %s", path);
}

int runtime_make(Runtime *runtime, Reason *reterr_reason)
{
	_cleanup_fd_ int fd = -1;
	int r = runtime_find(runtime, reterr_reason);

	if (r != 0)
		return r < 0 ? r : 0;
	r = path_make_directories(AT_FDCWD, runtime->path, 0711);
	/* what was told of an improvement without images, and would be back when the tmpfs goes */
	if (r == 0)
		r = runtime_forget_label(runtime);
	if (r < 0)
		return reason_errno(reterr_reason, r, "%s", runtime->path);
	r = mount_new_tmpfs(&fd, reterr_reason);
	if (r == 0)
		r = attach_private(fd, runtime->path, reterr_reason);
	if (r < 0)
		return r;
	/* under a shared parent, as systemd makes every mount, attaching made it shared again */
	return mount_make_private(fd, reterr_reason);
}

static int make_point(const char *path, Reason *reterr_reason)
{
	int r = path_make_directories(AT_FDCWD, path, 0700);

	return r == 0 ? 0 : reason_errno(reterr_reason, r, "%s", path);
}

static char *image_point(const Runtime *runtime, const Digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	return memory_printf("%s/image/%s", runtime->path, text);
}

int runtime_attach_image(
	Runtime *runtime, const Digest *digest, const Sealed *sealed, Reason *reterr_reason)
{
	_cleanup_free_ char *point = image_point(runtime, digest);
	_cleanup_fd_ int fd = -1;
	int r;

	if (!point)
		return -ENOMEM;
	if (is_mounted(point))
		return 1;
	r = make_point(point, reterr_reason);
	if (r == 0)
		r = sealed->device < 0
			? mount_new_erofs(sealed->file, runtime->features, &fd, reterr_reason)
			: mount_new_erofs_of_device(sealed->path, &fd, reterr_reason);
	return r < 0 ? r : attach_private(fd, point, reterr_reason);
}

void runtime_note_since(Runtime *runtime, const Digest *digest)
{
	_cleanup_free_ char *path = NULL;
	char name[DIGEST_TEXT_SIZE], text[32];
	struct timespec now;
	int size;

	digest_to_text(digest, name);
	path = memory_printf("%s/since/%s", runtime->path, name);
	clock_gettime(CLOCK_BOOTTIME, &now);
	size = snprintf(
		text, sizeof(text), "%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (path && path_make_parent(AT_FDCWD, path, 0700) == 0)
		file_write_atomic(AT_FDCWD, path, text, (size_t)size, 0600);
}

void runtime_detach_image(Runtime *runtime, const Digest *digest)
{
	_cleanup_free_ char *point = image_point(runtime, digest);

	if (point && is_mounted(point) && mount_detach(point) == 0)
		rmdir(point);
}

/* A copy of the parent without what is mounted in it shows the directory without its graft. It has
 * to be attached before its directory can be copied (Linux 6.12). */
static int clone_below_graft(
	const Runtime *runtime, const char *path, int *ret_fd, Reason *reterr_reason)
{
	_cleanup_free_ char *parent = path_parent(path);
	_cleanup_free_ char *point = memory_printf("%s/below/parent", runtime->path);
	_cleanup_free_ char *inside = point ? memory_printf("%s/%s", point, path_name(path)) : NULL;
	_cleanup_fd_ int fd = -1;
	int r;

	if (!parent || !inside)
		return -ENOMEM;
	if (is_mounted(point)) /* somebody was killed below here */
		mount_detach(point);
	r = make_point(point, reterr_reason);
	if (r == 0)
		r = mount_clone(AT_FDCWD, parent, &fd, reterr_reason);
	if (r == 0)
		r = mount_close_up(fd, reterr_reason);
	if (r == 0)
		r = attach_private(fd, point, reterr_reason);
	if (r < 0)
		return r;
	r = mount_clone(AT_FDCWD, inside, ret_fd, reterr_reason);
	mount_detach(point);
	rmdir(point);
	return r;
}

/* A base that was an overlay itself, as systemd-sysext makes one, goes when its extension does, and
 * then no path leads to what processes still map of it. It is kept as one of generation 0. */
static int keep_former_base(
	Runtime *runtime, const char *directory, const char *point, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_(held_list_done) HeldList held = {};
	_cleanup_free_ char *name = NULL, *former = NULL;
	_cleanup_fd_ int fd = -1;
	const Digest none = {};
	const MountEntry *entry;
	int r = mount_table_read(OWN_MOUNTS, &table, reterr_reason);

	if (r == 0)
		r = runtime_held(runtime, table, &held);
	if (r < 0)
		return r;
	entry = mount_table_at(table, point);
	if (!entry || strcmp(entry->type, "overlay") != 0 || held_find(&held, entry->device))
		return 0;
	r = runtime_new_overlay_name(runtime, 0, &none, &name, reterr_reason);
	if (r < 0)
		return r;
	former = memory_printf("%s/overlay/%s/%s", runtime->path, name, directory);
	r = former ? make_point(former, reterr_reason) : -ENOMEM;
	if (r == 0)
		r = mount_clone(AT_FDCWD, point, &fd, reterr_reason);
	return r < 0 ? r : attach_private(fd, former, reterr_reason);
}

int runtime_attach_base(
	Runtime *runtime, const char *directory, bool keep, bool grafted, Reason *reterr_reason)
{
	_cleanup_free_ char *point = memory_printf("%s/base/%s", runtime->path, directory);
	_cleanup_free_ char *from = memory_printf("%s/%s", runtime->store->path, directory);
	_cleanup_fd_ int fd = -1;
	int r;

	if (!point || !from)
		return -ENOMEM;
	if (is_mounted(point)) {
		if (keep)
			return 0;
		/* of another time, or of what lies below no more */
		r = keep_former_base(runtime, directory, point, reterr_reason);
		if (r < 0)
			return r;
		r = mount_detach(point);
		if (r < 0)
			return reason_errno(reterr_reason, r, "%s", point);
	}
	r = make_point(point, reterr_reason);
	if (r == 0)
		r = grafted ? clone_below_graft(runtime, from, &fd, reterr_reason)
			    : mount_clone(AT_FDCWD, from, &fd, reterr_reason);
	if (r == 0)
		r = mount_close_up(fd, reterr_reason);
	return r < 0 ? r : attach_private(fd, point, reterr_reason);
}

/* "<serial>-<generation>-<digest>" at the start of the text, up to a slash or the end. */
static int parse_overlay_name(const char *name, Held *ret)
{
	unsigned serial, generation;
	int used = 0;

	if (sscanf(name, "%9u-%9u-%16[0-9a-f]%n", &serial, &generation, ret->digest, &used) != 3 ||
		(name[used] != '/' && name[used] != '\0') || strlen(ret->digest) != DIGEST_PART)
		return -EBADMSG;
	ret->serial = serial;
	ret->generation = generation;
	ret->directory = name[used] == '/' ? name + used + 1 : "";
	return 0;
}

/* A graft by files has a copy of the base and files of the overlay above that; a former base is
 * somebody else's overlay. */
static bool is_held(const MountEntry *entry, uint32_t generation)
{
	return generation > 0 ? mount_is_own_overlay(entry) && strcmp(entry->root, "/") == 0
			      : strcmp(entry->type, "overlay") == 0;
}

int runtime_held(const Runtime *runtime, const MountTable *table, HeldList *ret)
{
	_cleanup_free_ char *prefix = memory_printf("%s/overlay/", runtime->path);
	HeldList list = {};

	if (!prefix)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++) {
		const MountEntry *entry = &table->entries[i];
		Held held = {.point = entry->point, .device = entry->device};

		if (!text_starts_with(entry->point, prefix) ||
			parse_overlay_name(entry->point + strlen(prefix), &held) < 0 ||
			!is_held(entry, held.generation))
			continue;
		if (memory_grow(&list.items, list.count, sizeof(held)) < 0) {
			held_list_done(&list);
			return -ENOMEM;
		}
		list.items[list.count++] = held;
	}
	*ret = list;
	return 0;
}

void held_list_done(HeldList *list)
{
	free(list->items);
	*list = (HeldList){};
}

const Held *held_find(const HeldList *list, dev_t device)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].device == device)
			return &list->items[i];
	return NULL;
}

int runtime_new_overlay_name(Runtime *runtime, uint32_t generation, const Digest *record,
	char **ret_name, Reason *reterr_reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_(held_list_done) HeldList held = {};
	char digest[DIGEST_TEXT_SIZE];
	uint32_t serial = 0;
	int r = mount_table_read(OWN_MOUNTS, &table, reterr_reason);

	if (r == 0)
		r = runtime_held(runtime, table, &held);
	if (r < 0)
		return r;
	for (size_t i = 0; i < held.count; i++)
		if (held.items[i].serial > serial)
			serial = held.items[i].serial;
	digest_to_text(record, digest);
	*ret_name = memory_printf("%u-%u-%.*s", serial + 1, generation, DIGEST_PART, digest);
	return *ret_name ? 0 : -ENOMEM;
}

static int open_layer(const char *path, int *ret_fd, Reason *reterr_reason)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return reason_errno(reterr_reason, -errno, "the layer %s", path);
	*ret_fd = fd;
	return 0;
}

static char *image_directory(const Runtime *runtime, const Digest *image, const char *directory)
{
	_cleanup_free_ char *point = image_point(runtime, image);

	return point ? path_join(point, directory) : NULL;
}

static int open_layers(const Runtime *runtime, const char *directory, const Digest *images,
	size_t count, const char *lowest, int *layers, Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_free_ char *path = image_directory(runtime, &images[i], directory);

		r = path ? open_layer(path, &layers[i], reterr_reason) : -ENOMEM;
	}
	return r < 0 ? r : open_layer(lowest, &layers[count], reterr_reason);
}

/* 1 as mount_new_overlay(). */
static int new_overlay(const Runtime *runtime, const char *directory, const Digest *images,
	size_t count, const char *lowest, int *ret_fd, Reason *reterr_reason)
{
	int layers[GENERATION_IMAGES_MAX + 1];
	int r;

	for (size_t i = 0; i <= count; i++)
		layers[i] = -1;
	r = open_layers(runtime, directory, images, count, lowest, layers, reterr_reason);
	if (r == 0)
		r = mount_new_overlay(layers, count + 1, runtime->features, ret_fd, reterr_reason);
	for (size_t i = 0; i <= count; i++)
		fd_close(layers[i]);
	return r;
}

/* The empty folder that the overlay of the images will cover is the second layer that it needs. */
static int attach_by_file(const Runtime *runtime, const char *directory, const Digest *images,
	size_t count, const char *base, const char *point, Reason *reterr_reason)
{
	_cleanup_fd_ int overlay = -1;
	FileGraft graft = {.directory = directory, .base = base, .point = point};
	int r = make_point(point, reterr_reason);

	if (r == 0)
		r = new_overlay(runtime, directory, images, count, point, &overlay, reterr_reason);
	if (r > 0)
		return -EINVAL;
	if (r == 0)
		r = attach_private(overlay, point, reterr_reason);
	graft.overlay = overlay;
	if (r == 0)
		r = file_graft_begin(&graft, reterr_reason);
	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_free_ char *tree = image_directory(runtime, &images[i], directory);

		r = tree ? file_graft_add(&graft, tree, reterr_reason) : -ENOMEM;
	}
	return r;
}

int runtime_attach_overlay(Runtime *runtime, const char *name, const char *directory,
	const Digest *images, size_t image_count, Reason *reterr_reason)
{
	_cleanup_free_ char *point =
		memory_printf("%s/overlay/%s/%s", runtime->path, name, directory);
	_cleanup_free_ char *base = memory_printf("%s/base/%s", runtime->path, directory);
	_cleanup_fd_ int fd = -1;
	int r;

	if (!point || !base)
		return -ENOMEM;
	r = new_overlay(runtime, directory, images, image_count, base, &fd, reterr_reason);
	if (r > 0)
		return attach_by_file(
			runtime, directory, images, image_count, base, point, reterr_reason);
	if (r == 0)
		r = make_point(point, reterr_reason);
	return r < 0 ? r : attach_private(fd, point, reterr_reason);
}

int runtime_forget_label(const Runtime *runtime)
{
	_cleanup_free_ char *path = memory_printf("%s/suture/" RUNTIME_LABEL, runtime->run);

	return path ? file_remove(AT_FDCWD, path) : -ENOMEM;
}

int runtime_set_note(Runtime *runtime, const char *name, const char *text)
{
	_cleanup_free_ char *path = memory_printf("%s/%s", runtime->path, name);

	if (!path)
		return -ENOMEM;
	if (!text)
		return file_remove(AT_FDCWD, path);
	return file_write_atomic(AT_FDCWD, path, text, strnlen(text, RUNTIME_NOTE_MAX), 0600);
}

int runtime_note(const Runtime *runtime, const char *name, char **ret_text)
{
	_cleanup_free_ char *path = memory_printf("%s/%s", runtime->path, name);
	uint8_t *text;
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, RUNTIME_NOTE_MAX, &text, &size) : -ENOMEM;

	if (r == 0)
		*ret_text = (char *)text;
	return r == -ENOENT ? 1 : r;
}
