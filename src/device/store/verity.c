/* SPDX-License-Identifier: Apache-2.0 */
/* What lets a kernel verify each read of an image: fs-verity on its file, or a tree beside it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "crypto/verity.h"
#include "device/store/store.h"

static void tree_name(const Digest *image, char ret[static STORE_TREE_NAME_SIZE])
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(image, text);
	snprintf(ret, STORE_TREE_NAME_SIZE, "images/%s.tree", text);
}

static int failed(const Store *store, int error, const char *name, Reason *reterr_reason)
{
	return reason_errno(reterr_reason, error, "%s/" STORE_PATH "/%s", store->path, name);
}

int store_open_tree(const Store *store, const Digest *image, int *ret_fd, Reason *reterr_reason)
{
	char name[STORE_TREE_NAME_SIZE];
	int fd = -ENOENT;

	tree_name(image, name);
	if (store->dir >= 0) {
		fd = openat(store->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return failed(store, fd, name, reterr_reason);
	*ret_fd = fd;
	return 0;
}

int store_measure_image(int image, Digest *ret_digest)
{
	union {
		struct fsverity_digest head;
		uint8_t bytes[sizeof(struct fsverity_digest) + DIGEST_SIZE];
	} measured = {.head.digest_size = DIGEST_SIZE};

	if (ioctl(image, FS_IOC_MEASURE_VERITY, &measured) < 0)
		return 1; /* no fs-verity on this file, or none in this kernel */
	if (measured.head.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 ||
		measured.head.digest_size != DIGEST_SIZE)
		return 1;
	memcpy(ret_digest->bytes, measured.bytes + sizeof(measured.head), DIGEST_SIZE);
	return 0;
}

/* Whether the file system keeps a tree of its own now. */
static bool enable_fs_verity(int image, const uint8_t *salt)
{
	struct fsverity_enable_arg arg = {.version = 1,
		.hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
		.block_size = VERITY_BLOCK_SIZE,
		.salt_size = VERITY_SALT_SIZE,
		.salt_ptr = (uintptr_t)salt};

	return ioctl(image, FS_IOC_ENABLE_VERITY, &arg) == 0 || errno == EEXIST;
}

/* What the kernel measures must be what the vendor signed. */
static int check_measured(int image, const Seal *seal)
{
	Digest expected, measured;
	int r = verity_file_digest(&seal->verity_root, seal->verity_salt, seal->size, &expected);

	if (r == 0)
		r = store_measure_image(image, &measured);
	if (r != 0)
		return r < 0 ? r : -EOPNOTSUPP;
	return digest_equal(&measured, &expected) ? 0 : -EKEYREJECTED;
}

/* A power cut must not take it away from a base that demands it. */
static int keep_fs_verity(int image, const Seal *seal)
{
	int r = check_measured(image, seal);

	return r == 0 && fsync(image) < 0 ? -errno : r;
}

static int write_tree(Store *store, int image, const Seal *seal)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	char name[STORE_TREE_NAME_SIZE];
	Digest root;
	int r;

	tree_name(&seal->image, name);
	r = file_draft_open(store->dir, name, 0400, &draft);
	if (r == 0)
		r = verity_tree(image, seal->verity_salt, draft.fd, &root);
	if (r == 0 && !digest_equal(&root, &seal->verity_root))
		r = -EKEYREJECTED;
	return r < 0 ? r : file_draft_finish(&draft);
}

/* Whether there is a tree, and it is the one of the image. */
static bool tree_is_whole(const Store *store, int image, const Seal *seal)
{
	_cleanup_fd_ int tree = -1, right = memfd_create("suture-tree", MFD_CLOEXEC);
	Digest root, is, should;

	return right >= 0 && store_open_tree(store, &seal->image, &tree, NULL) == 0 &&
		verity_tree(image, seal->verity_salt, right, &root) == 0 &&
		digest_of_fd(right, &should, NULL) == 0 && digest_of_fd(tree, &is, NULL) == 0 &&
		digest_equal(&is, &should);
}

int store_prepare_verity(Store *store, const Seal *seal, Reason *reterr_reason)
{
	_cleanup_fd_ int image = -1;
	int r = store_open_image(store, &seal->image, &image, reterr_reason);

	if (r < 0)
		return r;
	if (enable_fs_verity(image, seal->verity_salt))
		r = keep_fs_verity(image, seal);
	else if (!tree_is_whole(store, image, seal))
		r = write_tree(store, image, seal);
	if (r == -EKEYREJECTED)
		return reason_set(reterr_reason, r,
			"the image of %s has another hash tree than the one that was sealed",
			seal->component);
	return r < 0 ? reason_errno(reterr_reason, r, "the hash tree of %s", seal->component) : 0;
}

static bool has_tree(const Store *store, const Seal *seal)
{
	_cleanup_fd_ int tree = -1;

	return store_open_tree(store, &seal->image, &tree, NULL) == 0;
}

/* An image that cannot be read is damaged; one whose seal cannot be read names no component. */
static bool is_whole(const Store *store, const GenerationImage *image, Seal *seal)
{
	_cleanup_fd_ int fd = -1;
	Digest digest;

	if (seal_parse(image->seal, image->seal_size, seal, NULL) < 0) {
		seal->component[0] = '\0';
		return false;
	}
	if (store_open_image(store, &seal->image, &fd, NULL) < 0 ||
		digest_of_fd(fd, &digest, NULL) < 0 || !digest_equal(&digest, &seal->image))
		return false;
	return store_measure_image(fd, &digest) == 0 || !has_tree(store, seal) ||
		tree_is_whole(store, fd, seal);
}

int store_find_damage(const Store *store, const Generation *generation,
	char ret_component[static SEAL_NAME_MAX + 1])
{
	for (size_t i = 0; i < generation->image_count; i++) {
		Seal seal;

		if (is_whole(store, &generation->images[i], &seal))
			continue;
		memcpy(ret_component, seal.component, sizeof(seal.component));
		return 1;
	}
	return 0;
}
