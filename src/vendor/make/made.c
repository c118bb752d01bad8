/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/make/made.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "suture-version.h"
#include "vendor/files/document-file.h"
#include "vendor/repository/repository.h"
#include "vendor/files/tree.h"
#include "wire/improvement/index-schema.h"

#define KEY_INTRO "suture-made " SUTURE_VERSION "\n"
#define MADE      "made"

static int add_digest(Buffer *text, const char *name, const Digest *digest)
{
	char hex[DIGEST_TEXT_SIZE];

	digest_to_text(digest, hex);
	return buffer_printf(text, "%s %s\n", hex, name);
}

/* A delta reads the base's files that the image has another version of. */
static int add_sources(const ImageBuild *build, Buffer *text, Reason *reason)
{
	for (size_t i = 0; i < build->changes->count; i++) {
		const Change *change = &build->changes->items[i];
		Digest digest;
		int r;

		if (change->kind != CHANGE_MODIFIED || !S_ISREG(change->old_mode))
			continue;
		r = tree_digest(build->old_root, change->path, &digest, NULL);
		if (r == 0)
			r = add_digest(text, change->path, &digest);
		if (r < 0)
			return reason_errno(
				reason, r, "cannot read %s/%s", build->old_root, change->path);
	}
	return 0;
}

int made_key(
	const ImageBuild *build, const IndexImage *image, Digest *ret_key, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer text = {};
	int r = buffer_text(&text, KEY_INTRO);

	if (r == 0)
		r = add_digest(&text, build->component->name, &image->sha256);
	if (r == 0)
		r = add_sources(build, &text, reterr_reason);
	return r < 0 ? r : digest_of(text.data, text.size, ret_key);
}

static char *place_of(const Workspace *workspace, const Digest *key)
{
	char hex[DIGEST_TEXT_SIZE];

	digest_to_text(key, hex);
	return memory_printf("%s/" MADE "/%s.json", workspace->path, hex);
}

/* In the workspace, or published already. */
static bool has_blob(const Workspace *workspace, const Payload *payload)
{
	const char *const folders[] = {workspace->path, workspace->repository};
	char name[INDEX_BLOB_PATH_SIZE];

	index_blob_path(&payload->sha256, name);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = memory_printf("%s/blobs/%s", folders[i], name);
		_cleanup_free_ uint8_t *data = NULL;

		if (path &&
			repository_read_signed(
				path, payload->size, &payload->sha256, &data, NULL) == 0)
			return true;
	}
	return false;
}

static bool is_usable(const Workspace *workspace, const IndexImage *kept, const IndexImage *image)
{
	bool usable = digest_equal(&kept->sha256, &image->sha256) && kept->payloads.count > 0;

	for (size_t i = 0; usable && i < kept->payloads.count; i++)
		usable = has_blob(workspace, &kept->payloads.items[i]);
	return usable;
}

static void swap_payloads(IndexImage *one, IndexImage *other)
{
	__typeof__(one->payloads) payloads = one->payloads;

	one->payloads = other->payloads;
	other->payloads = payloads;
}

int made_find(const Workspace *workspace, const Digest *key, IndexImage *image)
{
	_cleanup_(index_image_clear) IndexImage kept = {};
	_cleanup_free_ char *path = place_of(workspace, key);

	if (!path)
		return -ENOMEM;
	/* what is damaged here is only made again */
	if (!file_exists(AT_FDCWD, path) ||
		document_file_load(path, index_image_fields, &kept, NULL) < 0 ||
		!is_usable(workspace, &kept, image))
		return 0;
	swap_payloads(&kept, image);
	return 1;
}

int made_keep(const Workspace *workspace, const Digest *key, const IndexImage *image,
	Reason *reterr_reason)
{
	_cleanup_free_ char *path = place_of(workspace, key);
	int r = path ? workspace_make_private(workspace, MADE, reterr_reason) : -ENOMEM;

	return r < 0 ? r : document_file_save(path, index_image_fields, image, reterr_reason);
}

int made_copy(const IndexImage *from, IndexImage *to)
{
	_cleanup_(index_image_clear) IndexImage copy = {};
	int r = index_copy_image(from, &copy);

	if (r == 0)
		swap_payloads(&copy, to);
	return r;
}
