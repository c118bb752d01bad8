/* SPDX-License-Identifier: Apache-2.0 */
#include "device/stage/stage.h"

#include <errno.h>
#include <stdio.h>

#include "base/file.h"

static int refuse_second_trust(const Stage *stage, Reason *reason)
{
	static const char *const places[] = {STAGE_ROOT_PATH, STAGE_ENROLLED_ROOT_PATH};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (file_exists(stage->store->root, places[i]))
			return reason_set(reason, -EEXIST,
				"this machine trusts a vendor already, by %s/%s: new roots are "
				"followed from there by themselves",
				stage->store->path, places[i]);
	return 0;
}

/* 1: it is the pinned one; 0: another. Nothing of it is looked at before that. */
static int is_pinned(const Digest *pin, const uint8_t *data, size_t size)
{
	Digest digest;
	int r = digest_of(data, size, &digest);

	return r < 0 ? r : digest_equal(pin, &digest);
}

/* Every root stays published, so whichever was pinned is found by counting up. */
static int find_root(
	Stage *stage, const Digest *pin, uint8_t **ret_data, size_t *ret_size, Reason *reason)
{
	for (int version = 1; version <= TRUST_ROOT_ROTATIONS_MAX; version++) {
		_cleanup_free_ uint8_t *data = NULL;
		char etag[FETCH_ETAG_MAX + 1] = "", name[48];
		size_t size;
		int r;

		snprintf(name, sizeof(name), "metadata/%d.root.json", version);
		r = fetcher_get(
			&stage->fetcher, name, TRUST_ROOT_SIZE_MAX, etag, &data, &size, reason);
		if (r == -ENOENT)
			break;
		if (r == 0)
			r = is_pinned(pin, data, size);
		if (r < 0)
			return r;
		if (r == 1) {
			*ret_data = TAKE_PTR(data);
			*ret_size = size;
			return 0;
		}
	}
	return reason_set(reason, -EKEYREJECTED,
		"no root metadata at %s has this digest: compare it with what the vendor published",
		fetcher_url(&stage->fetcher));
}

int stage_enroll(Stage *stage, const Digest *pin, Reason *reterr_reason)
{
	int r = refuse_second_trust(stage, reterr_reason);

	if (r == 0)
		r = find_root(stage, pin, &stage->pinned, &stage->pinned_size, reterr_reason);
	if (r == 0)
		r = stage_refresh_metadata(stage, reterr_reason);
	if (r == 0)
		r = stage_keep(
			stage, STAGE_PINNED_PATH, stage->pinned, stage->pinned_size, reterr_reason);
	return r;
}
