/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/check.h"

#include <errno.h>

#include "base/hex.h"
#include "base/memory.h"
#include "vendor/publish/payload.h"
#include "vendor/publish/seal-keys.h"
#include "wire/improvement/image-seal.h"

typedef struct Check {
	const Workspace *workspace;
	Repository *repository;
	SealPolicy policy; /* of the base */
	const Base *base;
	CheckCounts counts;
	Reason *reason;
} Check;

static int check_seal(Check *check, const Index *index, const Improvement *improvement, size_t part)
{
	_cleanup_buffer_ Buffer text = {};
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	Seal seal;
	int r = image_seal(index, improvement, part, &seal, check->reason);

	if (r == 0)
		r = seal_write(&seal, &text, check->reason);
	if (r == 0)
		r = hex_decode(improvement->images.items[part].seal, signature, sizeof(signature));
	if (r == 0)
		r = seal_policy_verify(&check->policy, text.data, text.size, signature);
	return r < 0
		? reason_set(check->reason, r, "%s %s: the seal of component %s is not good",
			  index->product, index->base, improvement->images.items[part].component)
		: 0;
}

static int read_blob(Check *check, const Digest *digest, uint64_t size, uint8_t **ret_data)
{
	_cleanup_free_ char *path = repository_blob(check->repository, digest);
	int r = path ? repository_read_signed(path, size, digest, ret_data, check->reason)
		     : -ENOMEM;

	check->counts.blobs += r == 0;
	check->counts.bytes += r == 0 ? size : 0;
	return r;
}

static int check_payload(Check *check, const IndexImage *image, const Payload *payload)
{
	_cleanup_free_ uint8_t *data = NULL;
	int r = read_blob(check, &payload->sha256, payload->size, &data);

	if (r < 0)
		return r;
	if (payload->kind == PAYLOAD_FULL)
		return payload_check_full(data, payload->size, image, check->reason);
	check->counts.deltas++;
	return payload_check_delta(
		data, payload->size, payload, check->base->root, image, check->reason);
}

static int check_improvement(Check *check, const Index *index, const Improvement *improvement)
{
	_cleanup_free_ uint8_t *notes = NULL;
	int r = 0;

	check->counts.improvements++;
	if (improvement->notes)
		r = read_blob(check, &improvement->notes->sha256, improvement->notes->size, &notes);
	for (size_t i = 0; r == 0 && i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		check->counts.images++;
		r = check_seal(check, index, improvement, i);
		for (size_t j = 0; r == 0 && j < image->payloads.count; j++)
			r = check_payload(check, image, &image->payloads.items[j]);
	}
	return r;
}

static int check_base(Check *check, const char *channel)
{
	_cleanup_index_ Index index = {};
	int r = seal_keys_of_base(check->workspace, check->base, &check->policy, check->reason);

	if (r == 0)
		r = repository_read_index(
			check->repository, check->base, channel, &index, check->reason);

	check->counts.indexes += index.issued > 0; /* else nothing was published there yet */
	for (size_t i = 0; r == 0 && i < index.improvements.count; i++)
		r = check_improvement(check, &index, &index.improvements.items[i]);
	return r;
}

int check_repository(const Workspace *workspace, Repository *repository, const char *channel,
	CheckCounts *ret_counts, Reason *reterr_reason)
{
	Check check = {.workspace = workspace, .repository = repository, .reason = reterr_reason};
	int r = 0;

	for (size_t i = 0; r == 0 && i < workspace->list.bases.count; i++) {
		check.base = &workspace->list.bases.items[i];
		r = check_base(&check, channel);
	}
	if (r == 0 && check.counts.indexes == 0 && workspace->list.bases.count > 0)
		r = reason_set(reterr_reason, -ENOENT, "no base has a channel %s", channel);
	if (r == 0)
		*ret_counts = check.counts;
	return r;
}
