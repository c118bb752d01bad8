/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/make/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "crypto/verity.h"
#include "vendor/files/elf-file.h"
#include "vendor/files/module.h"
#include "vendor/make/staging.h"
#include "vendor/files/tree.h"

#define IMAGE_BLOCK_SIZE 4096
#define MKFS_OUTPUT_MAX  65536
#define SCRIPT_INTRO     "#!"
#define SALT_PREFIX      "suture-verity-salt\n"
#define MKFS             "/usr/bin/mkfs.erofs"
#define ENV              "/usr/bin/env"
#define MKFS_INSTEAD     "/usr/sbin/mkfs.erofs"

static void remove_folder(char **folder)
{
	if (*folder)
		path_remove_tree(AT_FDCWD, *folder);
	free(*folder);
}

/* mkfs.erofs would prefer SOURCE_DATE_EPOCH to -T, and the files could be older than the base's.
 * -x: never share attributes between files (the shared area's order depends on the walk); no inline
 * data, so that every file's bytes begin on a block and a delta finds them. */
static int run_mkfs(const char *folder, int64_t time, const char *path, Reason *reason)
{
	char time_option[32];
	const char *program = access(MKFS, X_OK) == 0 ? MKFS : MKFS_INSTEAD;
	const char *const argv[] = {ENV, "-u", "SOURCE_DATE_EPOCH", program, "--quiet", time_option,
		"-U00000000-0000-0000-0000-000000000000", "-x2147483647", "-Enoinline_data", path,
		folder, NULL};
	_cleanup_free_ uint8_t *output = NULL;
	Reason why = {};
	size_t size;
	int status, r;

	if (access(program, X_OK) < 0)
		return reason_set(
			reason, -ENOPKG, "%s is missing; install erofs-utils", path_name(program));
	snprintf(time_option, sizeof(time_option), "-T%" PRId64, time);
	unlink(path);
	r = process_run(argv, NULL, 0, MKFS_OUTPUT_MAX, &output, &size, &status, &why);
	if (r < 0 || status != 0)
		return reason_set(
			reason, r < 0 ? r : -EIO, "mkfs.erofs failed on %s: %s", folder, why.text);
	return 0;
}

static int kind_of(const char *full, const char *path)
{
	char intro[2] = {};
	_cleanup_fd_ int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (module_is_named(path))
		return FILE_KERNEL;
	if (elf_is_code(full))
		return FILE_MAPPED;
	if (text_ends_with(path, ".py") || text_ends_with(path, ".pyc") ||
		text_ends_with(path, ".pl") || text_ends_with(path, ".pm") ||
		(fd >= 0 && fd_read_full(fd, intro, 2) == 0 && memcmp(intro, SCRIPT_INTRO, 2) == 0))
		return FILE_READ_ONCE;
	return FILE_DATA;
}

static int add_file(
	const ImageBuild *build, const Change *change, IndexImage *image, Reason *reason)
{
	_cleanup_free_ char *full = path_join(build->new_root, change->path);
	ImageFile *file = &image->files.items[image->files.count];
	int r;

	if (!full)
		return -ENOMEM;
	r = tree_digest(build->new_root, change->path, &file->sha256, NULL);
	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", full);
	file->kind = kind_of(full, change->path);
	file->path = memory_string(change->path);
	image->files.count += file->path != NULL;
	if (!file->path)
		return -ENOMEM;
	return file->kind == FILE_KERNEL ? module_build_id(full, &file->build_id, reason) : 0;
}

static int add_removed(const Change *change, IndexImage *image)
{
	char *path = memory_string(change->path);

	if (!path)
		return -ENOMEM;
	image->removed.items[image->removed.count++] = path;
	return 0;
}

/* Symbolic links are in the image, but hold nothing that runs: the index does not list them. */
static int list_files(const ImageBuild *build, IndexImage *image, Reason *reason)
{
	size_t count = build->changes->count;
	int r = 0;

	image->files.items = memory_new_array(count, sizeof(*image->files.items));
	image->removed.items = memory_new_array(count, sizeof(*image->removed.items));
	if (!image->files.items || !image->removed.items)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++) {
		const Change *change = &build->changes->items[i];

		if (change->kind == CHANGE_REMOVED)
			r = add_removed(change, image);
		else if (S_ISREG(change->mode))
			r = add_file(build, change, image, reason);
	}
	if (r == 0 && image->files.count + image->removed.count == 0)
		return reason_set(reason, -EINVAL,
			"component %s: only symbolic links change; ship the file they lead to too",
			build->component->name);
	return r;
}

static bool holds_change(const Changes *changes, const char *directory)
{
	for (size_t i = 0; i < changes->count; i++)
		if (path_is_below(changes->items[i].path, directory))
			return true;
	return false;
}

static int list_directories(const ImageBuild *build, IndexImage *image)
{
	size_t count = build->component->directories.count;

	image->directories.items = memory_new_array(count, sizeof(char *));
	if (!image->directories.items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *directory = build->component->directories.items[i];
		char *copy;

		if (!holds_change(build->changes, directory))
			continue;
		copy = memory_string(directory);
		if (!copy)
			return -ENOMEM;
		image->directories.items[image->directories.count++] = copy;
	}
	return 0;
}

/* The salt follows from the image, so that the same image has the same root wherever it is made. */
static int add_verity(int fd, IndexImage *image)
{
	_cleanup_buffer_ Buffer text = {};
	ImageVerity *verity = memory_new(sizeof(*verity));
	int r;

	if (!verity)
		return -ENOMEM;
	image->verity = verity;
	r = buffer_text(&text, SALT_PREFIX);
	if (r == 0)
		r = buffer_append(&text, image->sha256.bytes, DIGEST_SIZE);
	if (r == 0)
		r = digest_of(text.data, text.size, &verity->salt);
	return r < 0 ? r : verity_root(fd, verity->salt.bytes, &verity->root);
}

static int describe_bytes(const char *path, IndexImage *image, Reason *reason)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : digest_of_fd(fd, &image->sha256, &image->size);

	if (r == 0)
		r = add_verity(fd, image);
	return r < 0 ? reason_errno(reason, r, "cannot read the image %s", path) : 0;
}

static bool has_read_once(const IndexImage *image)
{
	for (size_t i = 0; i < image->files.count; i++)
		if (image->files.items[i].kind == FILE_READ_ONCE)
			return true;
	return false;
}

/* Hosts are told where there is something that they read. */
static int list_hosts(const Component *component, IndexImage *image)
{
	size_t count = has_read_once(image) ? component->hosts.count : 0;

	image->hosts.items = memory_new_array(count, sizeof(char *));
	if (!image->hosts.items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		image->hosts.items[i] = memory_string(component->hosts.items[i]);
		if (!image->hosts.items[i])
			return -ENOMEM;
		image->hosts.count++;
	}
	return 0;
}

static int describe(const ImageBuild *build, IndexImage *image, Reason *reason)
{
	const Component *component = build->component;
	int r = describe_bytes(build->path, image, reason);

	if (r == 0)
		r = list_directories(build, image);
	if (r == 0)
		r = list_files(build, image, reason);
	if (r == 0)
		r = list_hosts(component, image);
	if (r < 0)
		return r;
	image->mix = component->mix;
	image->restart = component->restart;
	image->after.items =
		memory_copy(component->after.items, component->after.count * sizeof(int));
	image->component = memory_string(component->name);
	if (!image->after.items || !image->component)
		return -ENOMEM;
	image->after.count = component->after.count;
	return 0;
}

int image_build(const ImageBuild *build, IndexImage *ret_image, Reason *reterr_reason)
{
	_cleanup_(remove_folder) char *folder = NULL;
	int64_t time;
	int r = path_make_temporary(build->work, "staging", &folder);

	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot make a folder in %s", build->work);
	r = staging_make(build, folder, &time, reterr_reason);
	if (r == 0)
		r = run_mkfs(folder, time, build->path, reterr_reason);
	return r < 0 ? r : describe(build, ret_image, reterr_reason);
}

void image_map_done(ImageMap *map)
{
	for (size_t i = 0; i < map->source_count; i++) {
		ImageSource *source = &map->sources[i];

		if (source->data)
			munmap(source->data, source->size);
		free(source->path);
	}
	free(map->sources);
	free(map->extents);
	*map = (ImageMap){};
}

static bool lies_at(const ImageMap *map, const uint8_t *image, uint64_t offset, const uint8_t *data,
	uint64_t size)
{
	if (memcmp(image + offset, data, size) != 0)
		return false;
	for (size_t i = 0; i < map->extent_count; i++)
		if (map->extents[i].offset == offset)
			return false;
	return true;
}

/* mkfs.erofs puts each file on its own run of whole blocks: the first free place with these bytes.
 */
static bool find_in_image(const ImageMap *map, const uint8_t *image, size_t image_size,
	const uint8_t *data, uint64_t size, uint64_t *ret_offset)
{
	for (uint64_t offset = 0; offset + size <= image_size; offset += IMAGE_BLOCK_SIZE)
		if (image[offset] == data[0] && lies_at(map, image, offset, data, size)) {
			*ret_offset = offset;
			return true;
		}
	return false;
}

/* A file of the base that is worth reading: modified, regular on both sides, not empty. */
static bool is_source(const Change *change)
{
	return change->kind == CHANGE_MODIFIED && S_ISREG(change->mode) &&
		S_ISREG(change->old_mode);
}

static int add_source(const ImageBuild *build, const Change *change, ImageMap *map, Reason *reason)
{
	_cleanup_free_ char *full = path_join(build->old_root, change->path);
	ImageSource *source = &map->sources[map->source_count];
	TreeBytes bytes;
	int r;

	if (!full)
		return -ENOMEM;
	r = tree_map(full, &bytes);
	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", full);
	source->data = bytes.data;
	source->size = bytes.size;
	r = digest_of(source->data, source->size, &source->sha256);
	source->path = memory_string(change->path);
	map->source_count++;
	return r < 0 ? r : source->path ? 0 : -ENOMEM;
}

static int map_change(const ImageBuild *build, const Change *change, const uint8_t *image,
	size_t image_size, ImageMap *map, Reason *reason)
{
	_cleanup_free_ char *full = path_join(build->new_root, change->path);
	_cleanup_tree_bytes_ TreeBytes bytes = {};
	uint64_t offset;
	int r;

	if (!full)
		return -ENOMEM;
	r = tree_map(full, &bytes);
	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", full);
	if (bytes.size > 0 &&
		find_in_image(map, image, image_size, bytes.data, bytes.size, &offset)) {
		r = add_source(build, change, map, reason);
		if (r == 0)
			map->extents[map->extent_count++] =
				(ImageExtent){offset, bytes.size, map->source_count - 1};
	}
	return r;
}

static int compare_extents(const void *a, const void *b)
{
	const ImageExtent *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

int image_map(const ImageBuild *build, const uint8_t *image, size_t size, ImageMap *ret_map,
	Reason *reterr_reason)
{
	_cleanup_(image_map_done) ImageMap map = {
		.sources = memory_new_array(build->changes->count, sizeof(ImageSource)),
		.extents = memory_new_array(build->changes->count, sizeof(ImageExtent)),
	};

	if (!map.sources || !map.extents)
		return -ENOMEM;
	for (size_t i = 0; i < build->changes->count; i++) {
		const Change *change = &build->changes->items[i];
		int r = is_source(change)
			? map_change(build, change, image, size, &map, reterr_reason)
			: 0;

		if (r < 0)
			return r;
	}
	if (map.extent_count > 0)
		qsort(map.extents, map.extent_count, sizeof(*map.extents), compare_extents);
	*ret_map = map;
	map = (ImageMap){};
	return 0;
}
