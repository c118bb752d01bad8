/* SPDX-License-Identifier: Apache-2.0 */
#include "device/stage/stage.h"

#include <errno.h>
#include <inttypes.h>

#include "base/file.h"
#include "base/path.h"

static int read_pinned(const Stage *stage, uint8_t **ret_data, size_t *ret_size)
{
	char *copy = memory_string_n((const char *)stage->pinned, stage->pinned_size);

	if (!copy)
		return -ENOMEM;
	*ret_data = (uint8_t *)copy;
	*ret_size = stage->pinned_size;
	return 0;
}

/* The root that the device starts from: the one that is being enrolled, that of the base, or the
 * one that the owner pinned. */
static int read_first(const Stage *stage, uint8_t **ret_data, size_t *ret_size, Reason *reason)
{
	static const char *const places[] = {STAGE_ROOT_PATH, STAGE_ENROLLED_ROOT_PATH};
	int r = -ENOENT;

	if (stage->pinned)
		return read_pinned(stage, ret_data, ret_size);
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(places); i++)
		r = file_read(
			stage->store->root, places[i], TRUST_ROOT_SIZE_MAX, ret_data, ret_size);
	if (r == -ENOENT)
		return reason_set(reason, r,
			"this system came without %s/" STAGE_ROOT_PATH
			", by which it would trust its vendor; 'suture enroll' pins one",
			stage->store->path);
	return r < 0
		? reason_errno(reason, r, "cannot read the trusted root of %s/", stage->store->path)
		: 0;
}

static int read_kept(const Stage *stage, int64_t version, uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_free_ char *path = memory_printf(STAGE_ROOTS "/%" PRId64 ".root.json", version);

	if (!path)
		return -ENOMEM;
	if (stage->store->dir < 0)
		return -ENOENT;
	return file_read(stage->store->dir, path, TRUST_ROOT_SIZE_MAX, ret_data, ret_size);
}

/* 0 at the end of the files, STAGE_ROOTS_DAMAGED, or -ENOMEM. The walk needs no bound but that of
 * the files, each of which the vendor signed. */
static int walk_kept(const Stage *stage, Trust *trust)
{
	int r;

	do {
		_cleanup_free_ uint8_t *data = NULL;
		size_t size;

		r = read_kept(stage, trust_root_version(trust) + 1, &data, &size);
		if (r == 0)
			r = trust_update_root(trust, data, size, NULL);
	} while (r == 0);
	if (r == -ENOMEM)
		return r;
	return r == -ENOENT ? 0 : STAGE_ROOTS_DAMAGED;
}

int stage_trust_roots(const Stage *stage, Trust **ret_trust, Reason *reterr_reason)
{
	_cleanup_(trust_freep) Trust *trust = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = read_first(stage, &data, &size, reterr_reason);

	if (r == 0)
		r = trust_new(data, size, stage->now, &trust, reterr_reason);
	if (r == 0)
		r = walk_kept(stage, trust);
	if (r < 0)
		return r;
	*ret_trust = TAKE_PTR(trust);
	return r;
}
