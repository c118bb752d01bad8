/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/proof.h"

#include <errno.h>
#include <string.h>

#include "base/path.h"

Proof *proof_free(Proof *proof)
{
	if (!proof)
		return NULL;
	free(proof->seals);
	free(proof->directories);
	free(proof);
	return NULL;
}

static int check_base(
	const Generation *generation, const BaseIdentity *identity, Reason *reterr_reason)
{
	char key[IDENTITY_KEY_MAX + 1];
	int r = identity_base_key(identity, key, reterr_reason);

	if (r < 0)
		return r;
	if (strcmp(generation->product, identity->product) == 0 &&
		strcmp(generation->base, key) == 0)
		return 0;
	return reason_set(reterr_reason, -ENOENT,
		"the generation was made for %s %s, and this is %s %s: it is not grafted here",
		generation->product, generation->base, identity->product, key);
}

static int read_seal(const Generation *generation, size_t n, const SealPolicy *policy, Seal *ret,
	Reason *reterr_reason)
{
	const GenerationImage *image = &generation->images[n];
	int r = seal_policy_verify(policy, image->seal, image->seal_size, image->signature);

	if (r < 0)
		return reason_set(reterr_reason, r,
			"the seal of image %zu is not signed by a key that this base trusts (%s)",
			n + 1, SEAL_POLICY_PATH);
	r = seal_parse(image->seal, image->seal_size, ret, reterr_reason);
	if (r < 0)
		return r;
	if (strcmp(ret->product, generation->product) != 0 ||
		strcmp(ret->base, generation->base) != 0 || ret->sequence != generation->sequence)
		return reason_set(reterr_reason, -EBADMSG,
			"the seal of %s is for %s %s sequence %u, not for this generation",
			ret->component, ret->product, ret->base, ret->sequence);
	return 0;
}

static int check_parts(const Proof *proof, Reason *reterr_reason)
{
	uint64_t present = 0;

	for (size_t i = 0; i < proof->seal_count; i++) {
		const Seal *seal = &proof->seals[i];
		uint64_t bit = UINT64_C(1) << (seal->part - 1);

		if (seal->parts != proof->seal_count || present & bit)
			return reason_set(reterr_reason, -EKEYREJECTED,
				"the improvement has %u parts, and the generation does not hold "
				"each "
				"of them once (%s is part %u)",
				seal->parts, seal->component, seal->part);
		present |= bit;
	}
	return 0;
}

static int add_directory(Proof *proof, const char *path, size_t image, Reason *reterr_reason)
{
	int r;

	for (size_t i = 0; i < proof->directory_count; i++) {
		ProofDirectory *other = &proof->directories[i];

		if (strcmp(other->path, path) == 0) {
			other->images |= UINT64_C(1) << image;
			return 0;
		}
		if (path_is_below(path, other->path) || path_is_below(other->path, path))
			return reason_set(reterr_reason, -EBADMSG,
				"directories '%s' and '%s' of two images lie in each other",
				other->path, path);
	}
	r = memory_grow(&proof->directories, proof->directory_count, sizeof(ProofDirectory));
	if (r < 0)
		return r;
	proof->directories[proof->directory_count++] =
		(ProofDirectory){.path = path, .images = UINT64_C(1) << image};
	return 0;
}

static int collect_directories(Proof *proof, Reason *reterr_reason)
{
	for (size_t i = 0; i < proof->seal_count; i++)
		for (size_t d = 0; d < proof->seals[i].directory_count; d++) {
			int r = add_directory(
				proof, seal_directory(&proof->seals[i], d), i, reterr_reason);

			if (r < 0)
				return r;
		}
	return 0;
}

static int check_inside(const Seal *seal, const char *path, Reason *reterr_reason)
{
	for (size_t d = 0; d < seal->directory_count; d++)
		if (path_is_below(path, seal_directory(seal, d)))
			return 0;
	return reason_set(
		reterr_reason, -EBADMSG, "'%s' is in no directory of %s", path, seal->component);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every path of every image, sorted: the same one twice means two owners. */
static int check_owners(const char **paths, size_t count, Reason *reterr_reason)
{
	qsort(paths, count, sizeof(*paths), compare_strings);
	for (size_t i = 1; i < count; i++)
		if (strcmp(paths[i - 1], paths[i]) == 0)
			return reason_set(reterr_reason, -EBADMSG, "'%s' is owned twice", paths[i]);
	return 0;
}

static int check_files(const Generation *generation, const Proof *proof, Reason *reterr_reason)
{
	_cleanup_free_ const char **paths = NULL;
	size_t count = 0, total = 0;
	int r = 0;

	for (size_t i = 0; i < generation->image_count; i++)
		total += generation->images[i].file_count + generation->images[i].removed_count;
	paths = memory_new_array(total, sizeof(*paths));
	if (!paths)
		return -ENOMEM;
	for (size_t i = 0; i < generation->image_count; i++) {
		const GenerationImage *image = &generation->images[i];
		size_t first = count;

		for (size_t f = 0; f < image->file_count; f++)
			paths[count++] = image->files[f].path;
		for (size_t f = 0; f < image->removed_count; f++)
			paths[count++] = image->removed[f];
		for (; r == 0 && first < count; first++)
			r = check_inside(&proof->seals[i], paths[first], reterr_reason);
	}
	return r < 0 ? r : check_owners(paths, count, reterr_reason);
}

int proof_check(const Generation *generation, const SealPolicy *policy,
	const BaseIdentity *identity, Proof **ret, Reason *reterr_reason)
{
	_cleanup_(proof_freep) Proof *proof = memory_new(sizeof(*proof));
	int r;

	if (!proof)
		return -ENOMEM;
	proof->sealed = policy->required;
	proof->seals = memory_new_array(generation->image_count, sizeof(Seal));
	if (!proof->seals)
		return -ENOMEM;
	r = check_base(generation, identity, reterr_reason);
	for (size_t i = 0; r == 0 && i < generation->image_count; i++)
		r = read_seal(
			generation, i, policy, &proof->seals[proof->seal_count++], reterr_reason);
	if (r == 0)
		r = check_parts(proof, reterr_reason);
	if (r == 0)
		r = collect_directories(proof, reterr_reason);
	if (r == 0)
		r = check_files(generation, proof, reterr_reason);
	if (r == 0)
		*ret = TAKE_PTR(proof);
	return r;
}
