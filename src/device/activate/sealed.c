/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#include "base/fd.h"
#include "base/text.h"

const char *const sealed_by_names[] = {"digest", "fs-verity", "dm-verity", NULL};

void sealed_done(Sealed *sealed)
{
	sealed->file = fd_close(sealed->file);
	sealed->device = fd_close(sealed->device);
}

static int damaged(const Seal *seal, Reason *reterr_reason)
{
	return reason_set(reterr_reason, -EKEYREJECTED,
		"the image of %s is damaged: its digest is not the sealed one", seal->component);
}

/* Positive: fs-verity is not on. */
static int prove_by_fs_verity(const Seal *seal, int file, Reason *reterr_reason)
{
	Digest expected, measured;
	int r = store_measure_image(file, &measured);

	if (r == 0)
		r = verity_file_digest(
			&seal->verity_root, seal->verity_salt, seal->size, &expected);
	if (r == 0 && !digest_equal(&measured, &expected))
		return damaged(seal, reterr_reason);
	return r;
}

/* Positive: no tree, or no dm-verity. */
static int prove_by_dm_verity(
	const Store *store, const Seal *seal, Sealed *sealed, Reason *reterr_reason)
{
	_cleanup_fd_ int tree = -1;
	int r = store_open_tree(store, &seal->image, &tree, NULL);

	if (r < 0)
		return 1;
	return dm_verity_open(
		seal, sealed->file, tree, &sealed->device, sealed->path, reterr_reason);
}

static int prove_by_digest(const Seal *seal, const SealPolicy *policy, int file, Reason *reason)
{
	Digest digest;
	uint64_t size;
	int r;

	if (policy->verity_required)
		return reason_set(reason, -EOPNOTSUPP,
			"this base demands verity (%s), and neither fs-verity nor dm-verity is "
			"at hand for the image of %s",
			SEAL_POLICY_PATH, seal->component);
	r = digest_of_fd(file, &digest, &size);
	if (r < 0)
		return reason_errno(reason, r, "the image of %s", seal->component);
	if (!digest_equal(&digest, &seal->image) || size != seal->size)
		return damaged(seal, reason);
	return 0;
}

/* With verity, damage shows when it is read; better now than in a service. Reading costs about 140
 * ms for 100 MB, so of a large image only what dm-verity's opening read is known. */
static int read_through(const Seal *seal, const Sealed *sealed, Reason *reason)
{
	Digest unused;
	int r = 0;

	if (seal->size <= SEALED_READ_MAX)
		r = digest_of_fd(sealed->device < 0 ? sealed->file : sealed->device, &unused, NULL);
	if (r == -EIO)
		return damaged(seal, reason);
	return r < 0 ? reason_errno(reason, r, "the image of %s", seal->component) : 0;
}

static int prove(const Store *store, const Seal *seal, const SealPolicy *policy, unsigned features,
	Sealed *sealed, Reason *reason)
{
	int r = 1;

	if (features & FEATURE_FS_VERITY) {
		sealed->by = SEALED_BY_FS_VERITY;
		r = prove_by_fs_verity(seal, sealed->file, reason);
	}
	if (r > 0 && features & FEATURE_DM_VERITY) {
		sealed->by = SEALED_BY_DM_VERITY;
		r = prove_by_dm_verity(store, seal, sealed, reason);
	}
	if (r == 0)
		r = read_through(seal, sealed, reason);
	/* it may be the tree that is damaged, and the image good */
	if (r == 0 || (r < 0 && (sealed->by != SEALED_BY_DM_VERITY || policy->verity_required)))
		return r;
	sealed->device = fd_close(sealed->device);
	sealed->by = SEALED_BY_DIGEST;
	return prove_by_digest(seal, policy, sealed->file, reason);
}

/* What the kernel, or this process, does not let us copy is opened as it is: then /var stays busy
 * while the image is mounted, and nothing else. */
static int copy_mount(const Store *store)
{
	return open_tree(store->dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

int sealed_open(const Store *store, const Seal *seal, const SealPolicy *policy, unsigned features,
	Sealed *ret, Reason *reterr_reason)
{
	_cleanup_fd_ int copy = copy_mount(store);
	Store apart = *store;
	Sealed sealed = SEALED_NONE;
	uint64_t size;
	int r;

	if (copy >= 0)
		apart.dir = copy;
	r = store_open_image(&apart, &seal->image, &sealed.file, reterr_reason);
	if (r == 0)
		r = fd_size(sealed.file, &size);
	if (r == 0 && size != seal->size)
		r = damaged(seal, reterr_reason);
	if (r == 0)
		r = prove(&apart, seal, policy, features, &sealed, reterr_reason);
	if (r < 0) {
		sealed_done(&sealed);
		return r;
	}
	*ret = sealed;
	return 0;
}

SealedBy sealed_by(const Store *store, const Seal *seal, const char *source)
{
	_cleanup_fd_ int file = -1;

	if (text_starts_with(source, "/dev/dm-"))
		return SEALED_BY_DM_VERITY;
	if (store_open_image(store, &seal->image, &file, NULL) == 0 &&
		prove_by_fs_verity(seal, file, NULL) == 0)
		return SEALED_BY_FS_VERITY;
	return SEALED_BY_DIGEST;
}
