/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves, as a test may link what a device may not. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/hex.h"
#include "sample.h"
#include "test.h"
#include "wire/delta/apply/apply.h"
#include "wire/delta/create/create.h"

static int collect(void *userdata, const uint8_t *data, size_t size)
{
	return buffer_append(userdata, data, size);
}

static int apply(
	const uint8_t *bytes, size_t size, const DeltaBytes *sources, size_t n_sources, Buffer *out)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	DeltaSink sink = {collect, NULL, out};
	int r = delta_patch_read(bytes, size, &patch, NULL);

	if (r < 0)
		return r;
	if (patch.target_size > 10 * SAMPLE_MAX)
		return -EFBIG;
	return delta_apply_bytes(&patch, sources, n_sources, &sink, NULL);
}

/* Creates twice, applies, and gives the size of the patch. */
static size_t round_trip(const DeltaBytes *sources, size_t n_sources, const uint8_t *target,
	size_t size, const DeltaRange *plan, size_t n_plan)
{
	_cleanup_buffer_ Buffer patch = {}, again = {}, out = {};

	ASSERT_OK(delta_create(sources, n_sources, target, size, plan, n_plan, &patch, NULL));
	ASSERT_OK(delta_create(sources, n_sources, target, size, plan, n_plan, &again, NULL));
	ASSERT_EQ(patch.size, again.size);
	ASSERT_MEMEQ(patch.data, again.data, patch.size);
	ASSERT_OK(apply(patch.data, patch.size, sources, n_sources, &out));
	ASSERT_EQ(out.size, size);
	if (size > 0)
		ASSERT_MEMEQ(out.data, target, size);
	return patch.size;
}

TEST(samples_come_back)
{
	static Sample sample;

	for (size_t size = 0; size < SAMPLE_MAX - 100; size += 1 + size / 2) {
		DeltaBytes old = {sample.old, size};

		sample_make(&sample, (uint32_t)size, size);
		round_trip(&old, 1, sample.new, sample.new_size, NULL, 0);
		round_trip(
			&(DeltaBytes){sample.new, sample.new_size}, 1, sample.old, size, NULL, 0);
	}
}

TEST(equal_files_cost_a_few_bytes)
{
	static Sample sample;
	DeltaBytes old = {sample.old, 8000};

	sample_make(&sample, 1, 8000);
	ASSERT(round_trip(&old, 1, sample.old, 8000, NULL, 0) <=
		DELTA_SOURCE_DIGEST + DELTA_TARGET_DIGEST + 16);
}

TEST(empty_files_and_missing_sources)
{
	DeltaBytes empty = {};

	round_trip(&empty, 1, NULL, 0, NULL, 0);
	round_trip(NULL, 0, NULL, 0, NULL, 0);
	round_trip(&empty, 1, (const uint8_t *)"from nothing", 12, NULL, 0);
	round_trip(NULL, 0, (const uint8_t *)"from nothing", 12, NULL, 0);
	round_trip(&(DeltaBytes){(const uint8_t *)"to nothing", 10}, 1, NULL, 0, NULL, 0);
}

/* An image: two files amid metadata, each made from its old file. */
TEST(several_sources_and_segments)
{
	static Sample a, b;
	static uint8_t image[2 * SAMPLE_MAX];
	const DeltaBytes sources[] = {{a.old, 5000}, {b.old, 3000}};
	DeltaRange plan[2];

	sample_make(&a, 1, 5000);
	sample_make(&b, 2, 3000);
	memset(image, 0x5a, sizeof(image));
	memcpy(image + 512, b.new, b.new_size);
	memcpy(image + 4096, a.new, a.new_size);
	plan[0] = (DeltaRange){512, b.new_size, 1};
	plan[1] = (DeltaRange){4096, a.new_size, 0};
	round_trip(sources, 2, image, sizeof(image), plan, 2);
	plan[0] = (DeltaRange){0, b.new_size, 0};
	round_trip(sources, 2, b.new, b.new_size, plan, 1);
	round_trip(sources, 2, b.new, b.new_size, plan, 0);
}

TEST(plans_that_cannot_be_are_refused)
{
	const DeltaBytes sources[] = {{(const uint8_t *)"old", 3}, {(const uint8_t *)"young", 5}};
	const DeltaRange bad[][2] = {{{0, 2, 2}, {2, 2, 0}}, {{0, 3, 0}, {2, 2, 0}},
		{{0, 2, 0}, {2, 3, 0}}, {{0, 0, 0}, {2, 2, 0}}, {{2, 2, 0}, {0, 2, 0}},
		{{1, UINT64_MAX, 0}, {3, 1, 0}}};
	_cleanup_buffer_ Buffer patch = {};
	Reason reason = {};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(-EINVAL,
			delta_create(sources, 2, (const uint8_t *)"four", 4, bad[i], 2, &patch,
				&reason));
	ASSERT_ERROR(-EINVAL,
		delta_create(sources, 2, (const uint8_t *)"four", 4, NULL, 0, &patch, &reason));
	ASSERT_EQ(patch.size, 0);
}

TEST(the_wrong_old_file_is_told)
{
	static Sample sample;
	DeltaBytes old = {sample.old, 2000}, other = old;
	_cleanup_buffer_ Buffer patch = {}, out = {};

	sample_make(&sample, 1, 2000);
	ASSERT_OK(delta_create(&old, 1, sample.new, sample.new_size, NULL, 0, &patch, NULL));
	other.size--;
	ASSERT_ERROR(-ESTALE, apply(patch.data, patch.size, &other, 1, &out));
	other = (DeltaBytes){sample.new, 2000};
	ASSERT_ERROR(-ESTALE, apply(patch.data, patch.size, &other, 1, &out));
	ASSERT_ERROR(-EINVAL, apply(patch.data, patch.size, &other, 0, &out));
	ASSERT_EQ(out.size, 0);
}

/* Other hosts than this one leave out places. */
#ifndef DAMAGE_STEP
#define DAMAGE_STEP 1
#endif

/* A patch that is damaged at one place after the other. */
typedef struct Victim {
	Buffer patch;
	const DeltaBytes *sources;
	size_t n_sources;
	const uint8_t *target;
	size_t size;
} Victim;

/* The last bits of a stream may not matter, nor which codec copies: then the bytes are right.
 * Otherwise it is an error. */
static void check_flip(Victim *victim, size_t bit)
{
	_cleanup_buffer_ Buffer out = {};
	int r;

	victim->patch.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	r = apply(victim->patch.data, victim->patch.size, victim->sources, victim->n_sources, &out);
	victim->patch.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	ASSERT(r <= 0);
	if (r == 0) {
		ASSERT_EQ(out.size, victim->size);
		ASSERT_MEMEQ(out.data, victim->target, victim->size);
	}
}

static void check_damage(Victim *victim)
{
	for (size_t bit = 0; bit < 8 * victim->patch.size; bit += DAMAGE_STEP)
		check_flip(victim, bit);
	for (size_t size = 0; size < victim->patch.size; size += DAMAGE_STEP) {
		_cleanup_buffer_ Buffer out = {};

		ASSERT(apply(victim->patch.data, size, victim->sources, victim->n_sources, &out) <
			0);
	}
	buffer_done(&victim->patch);
}

TEST(no_damage_gives_wrong_bytes)
{
	static Sample sample;
	DeltaBytes old = {sample.old, 1500};
	Victim victim = {.sources = &old, .n_sources = 1, .target = sample.new};

	sample_make(&sample, 3, 1500);
	victim.size = sample.new_size;
	ASSERT_OK(delta_create(&old, 1, sample.new, sample.new_size, NULL, 0, &victim.patch, NULL));
	check_damage(&victim);
}

TEST(no_damage_of_a_patch_with_several_segments_gives_wrong_bytes)
{
	static Sample a, b;
	static uint8_t image[1000];
	const DeltaBytes sources[] = {{a.old, 300}, {b.old, 200}};
	const DeltaRange plan[] = {{10, 300, 0}, {310, 200, 1}, {600, 200, 1}};
	Victim victim = {
		.sources = sources, .n_sources = 2, .target = image, .size = sizeof(image)};

	sample_make(&a, 1, 300);
	sample_make(&b, 2, 200);
	memset(image, 0x5a, sizeof(image));
	memcpy(image + 10, a.new, 300);
	memcpy(image + 310, b.new, 200);
	memcpy(image + 600, b.old, 200);
	ASSERT_OK(delta_create(
		sources, 2, image, sizeof(image), plan, ARRAY_SIZE(plan), &victim.patch, NULL));
	check_damage(&victim);
}

static int create_and_drop(const DeltaBytes *old, const Sample *sample)
{
	_cleanup_buffer_ Buffer patch = {};

	return delta_create(old, 1, sample->new, sample->new_size, NULL, 0, &patch, NULL);
}

static int apply_and_drop(const Buffer *patch, const DeltaBytes *old)
{
	_cleanup_buffer_ Buffer out = {};

	return apply(patch->data, patch->size, old, 1, &out);
}

TEST(a_lack_of_memory_is_told)
{
	static Sample sample;
	DeltaBytes old = {sample.old, 1200};
	_cleanup_buffer_ Buffer patch = {};

	sample_make(&sample, 3, 1200);
	TEST_EACH_ALLOCATION(create_and_drop(&old, &sample), );
	ASSERT_OK(delta_create(&old, 1, sample.new, sample.new_size, NULL, 0, &patch, NULL));
	TEST_EACH_ALLOCATION(apply_and_drop(&patch, &old), );
}

static int cancel_late(void *userdata, uint64_t done, uint64_t total)
{
	uint64_t *told = userdata;

	ASSERT(done > *told && done <= total);
	*told = done;
	return done > 100000 ? -ECANCELED : 0;
}

TEST(descriptors_progress_and_cancelling)
{
	_cleanup_free_ uint8_t *bytes = memory_new(300000);
	_cleanup_buffer_ Buffer patch_bytes = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	_cleanup_fd_ int old = fd_of_data("old", bytes, 300000), out = fd_of_data("out", "", 0);
	DeltaBytes source = {bytes, 300000};
	uint64_t told = 0;
	Digest digest;

	ASSERT_OK(delta_create(&source, 1, bytes, 300000, NULL, 0, &patch_bytes, NULL));
	ASSERT_OK(delta_patch_read(patch_bytes.data, patch_bytes.size, &patch, NULL));
	ASSERT_OK(delta_apply(&patch, &old, 1, out, NULL, NULL, NULL));
	ASSERT_OK(digest_of_fd(out, &digest, NULL));
	ASSERT(memcmp(digest.bytes, patch.target, DELTA_TARGET_DIGEST) == 0);
	ASSERT_ERROR(-ECANCELED, delta_apply(&patch, &old, 1, out, cancel_late, &told, NULL));
	ASSERT(told > 100000 && told < 300000);
}

/* tests/vectors/delta: the format is frozen, both ways. */
static void check_vector(const char *name, uint32_t seed, size_t size, bool has_source)
{
	static Sample sample;
	DeltaBytes old = {sample.old, size};
	_cleanup_free_ char *path =
		memory_printf(TEST_SOURCE_ROOT "/tests/vectors/delta/%s.delta", name);
	_cleanup_free_ uint8_t *frozen = NULL;
	_cleanup_buffer_ Buffer patch = {}, out = {};
	size_t frozen_size;

	sample_make(&sample, seed, size);
	ASSERT_OK(
		delta_create(&old, has_source, sample.new, sample.new_size, NULL, 0, &patch, NULL));
	if (getenv("SUTURE_FREEZE_VECTORS"))
		ASSERT_OK(file_write_atomic(AT_FDCWD, path, patch.data, patch.size, 0644));
	ASSERT_OK(file_read(AT_FDCWD, path, DELTA_PATCH_MAX, &frozen, &frozen_size));
	ASSERT_EQ(frozen_size, patch.size);
	ASSERT_MEMEQ(frozen, patch.data, patch.size);
	ASSERT_OK(apply(frozen, frozen_size, &old, has_source, &out));
	ASSERT_EQ(out.size, sample.new_size);
	ASSERT_MEMEQ(out.data, sample.new, sample.new_size);
}

TEST(vectors_are_frozen)
{
	check_vector("small", 1, 200, true);
	check_vector("moved-and-inserted", 2, 8000, true);
	check_vector("no-source", 3, 1500, false);
}
