/* SPDX-License-Identifier: Apache-2.0 */
/* Removing from the store what nothing needs any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "device/store/notes-file.h"
#include "device/store/store.h"
#include "device/store/trial.h"

typedef struct BaseKey {
	char text[IDENTITY_KEY_MAX + 1];
} BaseKey;

/* The digests of the images that stay, and the bases whose notes do. */
typedef struct Kept {
	Digest *digests;
	size_t count;
	BaseKey *bases;
	size_t base_count;
} Kept;

static void kept_done(Kept *kept)
{
	free(kept->digests);
	free(kept->bases);
}

static bool is_kept(const Kept *kept, const Digest *digest)
{
	for (size_t i = 0; i < kept->count; i++)
		if (digest_equal(&kept->digests[i], digest))
			return true;
	return false;
}

static bool is_base_kept(const Kept *kept, const char *base)
{
	for (size_t i = 0; i < kept->base_count; i++)
		if (strcmp(kept->bases[i].text, base) == 0)
			return true;
	return false;
}

static int keep_base(Kept *kept, const char *base)
{
	int r = is_base_kept(kept, base)
		? 0
		: memory_grow(&kept->bases, kept->base_count, sizeof(BaseKey));

	if (r < 0 || is_base_kept(kept, base))
		return r;
	snprintf(kept->bases[kept->base_count++].text, sizeof(BaseKey), "%s", base);
	return 0;
}

/* Adds the generation's images. Positive when one is marked bad, or a seal cannot be read: then it
 * is not good, and nothing is added. */
static int keep_images(const Store *store, const Generation *generation, bool even_bad, Kept *kept)
{
	size_t before = kept->count;

	for (size_t i = 0; i < generation->image_count; i++) {
		const GenerationImage *image = &generation->images[i];
		_cleanup_free_ char *why = NULL;
		Seal seal;
		int r;

		if (seal_parse(image->seal, image->seal_size, &seal, NULL) < 0 ||
			(!even_bad && store_bad_reason(store, &seal.image, &why) != 1)) {
			kept->count = before;
			return 1;
		}
		r = memory_grow(&kept->digests, kept->count, sizeof(Digest));
		if (r < 0)
			return r;
		kept->digests[kept->count++] = seal.image;
	}
	return 0;
}

/* Whether generation `number` stays; if so its images are in `kept` afterwards. With `base`: only a
 * good one of that base. */
static int keep_generation(const Store *store, uint32_t number, const char *base, Kept *kept)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	int r = store_read_generation(store, number, &generation, NULL);

	if (r == -ENOMEM)
		return r;
	/* one from a newer Suture is not ours to judge, but its images are unknown: it goes */
	if (r < 0 || (base && strcmp(generation->base, base) != 0))
		return 1;
	r = keep_images(store, generation, !base, kept);
	return r == 0 ? keep_base(kept, generation->base) : r;
}

static int remove_generation(const Store *store, uint32_t number)
{
	char name[64];

	snprintf(name, sizeof(name), "generations/%u", number);
	return file_remove(store->dir, name);
}

/* Those that stay whatever becomes of their images: the current one, and where a trial of it goes
 * back to. So does what is mounted. */
typedef struct Fixed {
	uint32_t current, before;
	char base[IDENTITY_KEY_MAX + 1]; /* what runs; others can never be grafted here */
} Fixed;

/* A record of a trial that cannot be read names nothing: the boot shows the base then. */
static int find_fixed(const Store *store, Fixed *ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	BaseIdentity identity;
	Fixed fixed = {};
	int r = store_current(store, &fixed.current, reterr_reason);

	if (r == 0 && trial_load(store, &trial, NULL) == -ENOMEM)
		r = -ENOMEM;
	if (r == 0)
		r = store_read_identity(store, &identity, reterr_reason);
	if (r == 0)
		r = identity_base_key(&identity, fixed.base, reterr_reason);
	if (r < 0)
		return r;
	fixed.before = trial ? trial->before : 0;
	*ret = fixed;
	return 0;
}

static bool is_mounted(const Store *store, const Digest *image)
{
	char path[sizeof(STORE_RUN_IMAGES) + DIGEST_TEXT_SIZE], digest[DIGEST_TEXT_SIZE];

	digest_to_text(image, digest);
	snprintf(path, sizeof(path), STORE_RUN_IMAGES "/%s", digest);
	return file_exists(store->root, path);
}

/* Whether it may be what is shown until the next restart: while its record is there, status knows
 * what that is, and it can be mended. */
static bool is_all_mounted(const Store *store, uint32_t number)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	Seal seal;

	if (store_read_generation(store, number, &generation, NULL) < 0)
		return false;
	for (size_t i = 0; i < generation->image_count; i++) {
		const GenerationImage *image = &generation->images[i];

		if (seal_parse(image->seal, image->seal_size, &seal, NULL) < 0 ||
			!is_mounted(store, &seal.image))
			return false;
	}
	return generation->image_count > 0;
}

/* Walks from the newest down: the first good one on each side of the current one stays. */
static int choose(
	const Store *store, const Fixed *fixed, const uint32_t *numbers, size_t count, Kept *kept)
{
	bool have_above = false, have_below = false;

	for (size_t i = count; i-- > 0;) {
		bool *have = numbers[i] > fixed->current ? &have_above : &have_below;
		bool stays = numbers[i] == fixed->current || numbers[i] == fixed->before ||
			is_all_mounted(store, numbers[i]);
		int r = 1;

		if (stays || !*have)
			r = keep_generation(store, numbers[i], stays ? NULL : fixed->base, kept);
		if (r < 0)
			return r;
		if (r == 0 && numbers[i] != fixed->current)
			*have = true;
		if (r > 0 && !stays)
			r = remove_generation(store, numbers[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int remove_images(const Store *store, const Kept *kept)
{
	int r = 0, fd = openat(store->dir, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!stream) {
		fd_close(fd);
		return -errno;
	}
	while (r == 0 && (entry = readdir(stream))) {
		char text[DIGEST_TEXT_SIZE] = "";
		Digest digest;

		if (!text_ends_with(entry->d_name, ".erofs") &&
			!text_ends_with(entry->d_name, ".tree"))
			continue;
		memcpy(text, entry->d_name, strnlen(entry->d_name, sizeof(text) - 1));
		if (digest_from_text(text, &digest) == 0 && !is_kept(kept, &digest) &&
			!is_mounted(store, &digest))
			r = file_remove(dirfd(stream), entry->d_name);
	}
	closedir(stream);
	return r;
}

static int remove_notes(const Store *store, const Kept *kept)
{
	int r = 0, fd = openat(store->dir, NOTES_FILE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		r = errno == ENOENT ? 0 : -errno;
		fd_close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(stream)))
		if (entry->d_name[0] != '.' && !is_base_kept(kept, entry->d_name))
			r = path_remove_tree(dirfd(stream), entry->d_name);
	closedir(stream);
	return r;
}

int store_remove_unused(Store *store, Reason *reterr_reason)
{
	_cleanup_(kept_done) Kept kept = {};
	_cleanup_free_ uint32_t *numbers = NULL;
	Fixed fixed;
	size_t count;
	int r;

	if (store->dir < 0)
		return 0;
	r = find_fixed(store, &fixed, reterr_reason);
	if (r == 0)
		r = store_list_generations(store, &numbers, &count);
	if (r == 0)
		r = choose(store, &fixed, numbers, count, &kept);
	if (r == 0)
		r = remove_images(store, &kept);
	if (r == 0)
		r = keep_base(&kept, fixed.base);
	if (r == 0)
		r = remove_notes(store, &kept);
	return r;
}
