/* SPDX-License-Identifier: Apache-2.0 */
/* What is wanted, from an image's files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "device/exposure/exposure.h"
#include "device/store/base-file.h"

void exposure_files_done(ExposureFiles *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->items[i].path);
		free(files->items[i].build_id);
		free(files->items[i].component);
		free(files->items[i].ids);
	}
	free(files->items);
	*files = (ExposureFiles){};
}

/* Takes over build_id, which may be NULL. */
static int want(ExposureFiles *files, const ExposureImage *image, ExposureUse use, const char *path,
	const Digest *digest, char *build_id)
{
	int r = memory_grow(&files->items, files->count, sizeof(ExposureFile));
	ExposureFile *file;

	if (r < 0) {
		free(build_id);
		return r;
	}
	file = &files->items[files->count++];
	*file = (ExposureFile){
		.use = use,
		.path = memory_string(path),
		.build_id = build_id,
		.component = memory_string(image->component),
		.ids = memory_string(image->ids),
		.removed = !digest,
	};
	if (digest)
		file->digest = *digest;
	return file->path && file->component && file->ids ? 0 : -ENOMEM;
}

int exposure_want_file(ExposureFiles *files, const ExposureImage *image, FileKind kind,
	const char *path, const Digest *digest, const char *build_id)
{
	char *id = NULL;

	if (kind == FILE_MAPPED)
		return want(files, image, USE_MAPPED, path, digest, NULL);
	if (kind == FILE_KERNEL) {
		id = build_id ? memory_string(build_id) : NULL;
		if (build_id && !id)
			return -ENOMEM;
		return want(files, image, USE_MODULE, path, digest, id);
	}
	if (kind != FILE_READ_ONCE || !image->has_hosts)
		files->not_covered[kind]++;
	return 0;
}

int exposure_want_removed(ExposureFiles *files, const ExposureImage *image, const char *path)
{
	return want(files, image, strstr(path, ".ko") ? USE_MODULE : USE_MAPPED, path, NULL, NULL);
}

int exposure_want_host(ExposureFiles *files, const ExposureImage *image, const char *path)
{
	return want(files, image, USE_HOST, path, image->digest, NULL);
}

static int join_ids(const GenerationImage *image, Buffer *ret)
{
	int r = buffer_text(ret, "");

	for (size_t i = 0; r == 0 && i < image->id_count; i++)
		r = buffer_printf(ret, "%s%s", i > 0 ? " " : "", image->ids[i]);
	return r;
}

static int want_image(ExposureFiles *files, const GenerationImage *from, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer ids = {};
	ExposureImage image = {.has_hosts = from->host_count > 0};
	Seal seal;
	int r = seal_parse(from->seal, from->seal_size, &seal, reterr_reason);

	if (r == 0)
		r = join_ids(from, &ids);
	image.digest = &seal.image;
	image.component = seal.component;
	image.ids = (const char *)ids.data;
	for (size_t i = 0; r == 0 && i < from->file_count; i++)
		r = exposure_want_file(files, &image, from->files[i].kind, from->files[i].path,
			&from->files[i].digest, from->files[i].build_id);
	for (size_t i = 0; r == 0 && i < from->removed_count; i++)
		r = exposure_want_removed(files, &image, from->removed[i]);
	for (size_t i = 0; r == 0 && i < from->host_count; i++)
		r = exposure_want_host(files, &image, from->hosts[i]);
	return r;
}

int exposure_want_generation(
	ExposureFiles *files, const Generation *generation, Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < generation->image_count; i++)
		r = want_image(files, &generation->images[i], reterr_reason);
	return r;
}

static const ExposureImage unnamed = {.component = "", .ids = ""};

/* What the descriptor shows, or that nothing is there. Closes it. */
static int want_shown(ExposureFiles *files, const char *path, int fd)
{
	_cleanup_fd_ int shown = fd;
	Digest digest;
	int r = shown < 0 ? shown : digest_of_fd(shown, &digest, NULL);

	if (r == -ENOMEM)
		return r;
	return r == 0 ? exposure_want_file(files, &unnamed, FILE_MAPPED, path, &digest, NULL)
		      : exposure_want_removed(files, &unnamed, path);
}

static int open_present(const Store *store, const char *path)
{
	int fd = openat(store->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

static int compare_with_file(const void *path, const void *file)
{
	return strcmp(path, ((const GenerationFile *)file)->path);
}

static int compare_with_path(const void *path, const void *other)
{
	return strcmp(path, *(char *const *)other);
}

static bool has_path(const Generation *generation, const char *path)
{
	for (size_t i = 0; generation && i < generation->image_count; i++) {
		const GenerationImage *image = &generation->images[i];

		if (image->file_count > 0 &&
			bsearch(path, image->files, image->file_count, sizeof(*image->files),
				compare_with_file))
			return true;
		if (image->removed_count > 0 &&
			bsearch(path, image->removed, image->removed_count, sizeof(*image->removed),
				compare_with_path))
			return true;
	}
	return false;
}

static int want_opened(ExposureFiles *files, const Store *store, const GenerationImage *image,
	const Generation *instead, int (*open_file)(const Store *store, const char *path))
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->file_count; i++)
		if (image->files[i].kind == FILE_MAPPED && !has_path(instead, image->files[i].path))
			r = want_shown(files, image->files[i].path,
				open_file(store, image->files[i].path));
	for (size_t i = 0; r == 0 && i < image->removed_count; i++)
		if (!has_path(instead, image->removed[i]))
			r = want_shown(
				files, image->removed[i], open_file(store, image->removed[i]));
	return r;
}

int exposure_want_present(ExposureFiles *files, const Store *store, const Generation *generation)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < generation->image_count; i++)
		r = want_opened(files, store, &generation->images[i], NULL, open_present);
	return r;
}

static int want_hosts_since(ExposureFiles *files, const GenerationImage *image,
	const Generation *instead, uint64_t since_us)
{
	ExposureImage of = unnamed;
	Seal seal;
	int r = 0;

	if (seal_parse(image->seal, image->seal_size, &seal, NULL) < 0 ||
		generation_has_image(instead, &seal.image))
		return 0;
	of.digest = &seal.image;
	for (size_t i = 0; r == 0 && i < image->host_count; i++) {
		r = exposure_want_host(files, &of, image->hosts[i]);
		if (r == 0)
			files->items[files->count - 1].since_us = since_us;
	}
	return r;
}

int exposure_want_base(ExposureFiles *files, const Store *store, const Generation *generation,
	const Generation *instead, uint64_t since_us)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < generation->image_count; i++) {
		r = want_opened(files, store, &generation->images[i], instead, base_file_open);
		if (r == 0)
			r = want_hosts_since(files, &generation->images[i], instead, since_us);
	}
	return r;
}
