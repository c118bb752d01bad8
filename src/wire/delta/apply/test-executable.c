/* SPDX-License-Identifier: Apache-2.0 */
/* The codec for executables, both halves, on a tiny library before and after a fix. */
#include <fcntl.h>
#include <malloc.h>

#include "base/file.h"
#include "test.h"
#include "wire/delta/apply/apply.h"
#include "wire/delta/create/create.h"

#define VECTORS TEST_SOURCE_ROOT "/tests/vectors/delta/"

typedef struct Pair {
	uint8_t *old, *new;
	size_t old_size, new_size;
	Buffer patch;
} Pair;

static void pair_done(Pair *pair)
{
	free(pair->old);
	free(pair->new);
	buffer_done(&pair->patch);
}

static DeltaBytes old_of(const Pair *pair)
{
	return (DeltaBytes){pair->old, pair->old_size};
}

static int create(const Pair *pair, Buffer *patch)
{
	DeltaBytes old = old_of(pair);

	return delta_create(&old, 1, pair->new, pair->new_size, NULL, 0, patch, NULL);
}

static void read_pair(const char *old, const char *new, Pair *ret)
{
	ASSERT_OK(file_read(AT_FDCWD, old, (size_t)1 << 20, &ret->old, &ret->old_size));
	ASSERT_OK(file_read(AT_FDCWD, new, (size_t)1 << 20, &ret->new, &ret->new_size));
	ASSERT_OK(create(ret, &ret->patch));
}

static void make_pair(Pair *ret)
{
	read_pair(VECTORS "executable-old.elf", VECTORS "executable-new.elf", ret);
}

static int collect(void *userdata, const uint8_t *data, size_t size)
{
	return buffer_append(userdata, data, size);
}

static int apply(const uint8_t *bytes, size_t size, DeltaBytes old, Buffer *out)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	DeltaSink sink = {collect, NULL, out};
	int r = delta_patch_read(bytes, size, &patch, NULL);

	if (r < 0)
		return r;
	if (patch.target_size > (uint64_t)1 << 20)
		return -EFBIG;
	return delta_apply_bytes(&patch, &old, 1, &sink, NULL);
}

TEST(an_executable_is_known_and_comes_back)
{
	_cleanup_(pair_done) Pair pair = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	_cleanup_buffer_ Buffer again = {}, out = {};

	make_pair(&pair);
	ASSERT_OK(create(&pair, &again));
	ASSERT_EQ(again.size, pair.patch.size);
	ASSERT_MEMEQ(again.data, pair.patch.data, again.size);
	ASSERT_OK(delta_patch_read(pair.patch.data, pair.patch.size, &patch, NULL));
	ASSERT_EQ(patch.segments[0].codec, DELTA_CODEC_EXECUTABLE);
	ASSERT_OK(apply(pair.patch.data, pair.patch.size, old_of(&pair), &out));
	ASSERT_EQ(out.size, pair.new_size);
	ASSERT_MEMEQ(out.data, pair.new, out.size);
}

TEST(an_unchanged_executable_costs_a_few_bytes)
{
	_cleanup_(pair_done) Pair pair = {};
	_cleanup_buffer_ Buffer patch = {};
	DeltaBytes old;

	make_pair(&pair);
	old = old_of(&pair);
	ASSERT_OK(delta_create(&old, 1, pair.old, pair.old_size, NULL, 0, &patch, NULL));
	ASSERT(patch.size <= DELTA_SOURCE_DIGEST + DELTA_TARGET_DIGEST + 20);
}

/* An image: two executables amid other bytes; the second starts with what the first taught. */
TEST(executables_within_an_image)
{
	_cleanup_(pair_done) Pair pair = {};
	_cleanup_free_ uint8_t *image = NULL;
	_cleanup_buffer_ Buffer patch = {}, out = {};
	DeltaRange plan[2];
	DeltaBytes old;
	size_t size;

	make_pair(&pair);
	old = old_of(&pair);
	size = 2 * pair.new_size + 300;
	image = memory_new(size);
	memcpy(image + 100, pair.new, pair.new_size);
	memcpy(image + 200 + pair.new_size, pair.new, pair.new_size);
	plan[0] = (DeltaRange){100, pair.new_size, 0};
	plan[1] = (DeltaRange){200 + pair.new_size, pair.new_size, 0};
	ASSERT_OK(delta_create(&old, 1, image, size, plan, 2, &patch, NULL));
	ASSERT(patch.size < 2 * pair.patch.size);
	ASSERT_OK(apply(patch.data, patch.size, old, &out));
	ASSERT_EQ(out.size, size);
	ASSERT_MEMEQ(out.data, image, size);
}

/* Each reads all of the old file, so a patch of few bytes could ask for hours of work. */
TEST(few_segments_of_a_source_are_executables)
{
	enum { COUNT = DELTA_EXECUTABLES_MAX + 1 };
	_cleanup_(pair_done) Pair pair = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {}, more = {};
	_cleanup_free_ uint8_t *image = NULL;
	_cleanup_buffer_ Buffer bytes = {}, out = {};
	DeltaRange plan[COUNT];
	DeltaBytes old;
	size_t size;

	make_pair(&pair);
	old = old_of(&pair);
	size = pair.new_size;
	image = memory_new(COUNT * size);
	for (size_t i = 0; i < COUNT; i++) {
		plan[i] = (DeltaRange){i * size, size, 0};
		memcpy(image + i * size, pair.new, size);
	}
	ASSERT_OK(delta_create(&old, 1, image, COUNT * size, plan, COUNT, &bytes, NULL));
	ASSERT_OK(apply(bytes.data, bytes.size, old, &out));
	ASSERT_MEMEQ(out.data, image, COUNT * size);
	ASSERT_OK(delta_patch_read(bytes.data, bytes.size, &patch, NULL));
	ASSERT_EQ(patch.segments[COUNT - 2].codec, DELTA_CODEC_EXECUTABLE);
	ASSERT_EQ(patch.segments[COUNT - 1].codec, DELTA_CODEC_GENERIC);
	patch.segments[COUNT - 1].codec = DELTA_CODEC_EXECUTABLE;
	out.size = 0;
	ASSERT_OK(delta_patch_write(&patch, &out));
	ASSERT_ERROR(-EFBIG, delta_patch_read(out.data, out.size, &more, NULL));
}

/* A run takes many times as long under the sanitizer: it gets every fifth bit, the plain build all.
 * Other hosts ask for fewer. */
#ifndef DAMAGE_STEP
#ifdef __SANITIZE_ADDRESS__
#define DAMAGE_STEP 5
#else
#define DAMAGE_STEP 1
#endif
#endif

TEST(no_damage_gives_wrong_bytes)
{
	_cleanup_(pair_done) Pair pair = {};

	make_pair(&pair);
	/* Thousands of runs: keep the models' memory instead of faulting it in each time. */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 128 << 20);
	for (size_t bit = 0; bit < 8 * pair.patch.size; bit += DAMAGE_STEP) {
		_cleanup_buffer_ Buffer out = {};

		pair.patch.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (apply(pair.patch.data, pair.patch.size, old_of(&pair), &out) == 0) {
			ASSERT_EQ(out.size, pair.new_size);
			ASSERT_MEMEQ(out.data, pair.new, out.size);
		}
		pair.patch.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t size = 0; size < pair.patch.size; size += DAMAGE_STEP) {
		_cleanup_buffer_ Buffer out = {};

		ASSERT(apply(pair.patch.data, size, old_of(&pair), &out) < 0);
	}
}

static int create_and_drop(const Pair *pair)
{
	_cleanup_buffer_ Buffer patch = {};

	return create(pair, &patch);
}

static int apply_and_drop(const Pair *pair)
{
	_cleanup_buffer_ Buffer out = {};

	return apply(pair->patch.data, pair->patch.size, old_of(pair), &out);
}

TEST(a_lack_of_memory_is_told)
{
	_cleanup_(pair_done) Pair pair = {};

	make_pair(&pair);
	TEST_EACH_ALLOCATION(apply_and_drop(&pair), );
	TEST_EACH_ALLOCATION(create_and_drop(&pair), );
}

static void check_frozen(const char *path, Pair *pair)
{
	_cleanup_free_ uint8_t *frozen = NULL;
	size_t size;

	if (getenv("SUTURE_FREEZE_VECTORS"))
		ASSERT_OK(file_write_atomic(
			AT_FDCWD, path, pair->patch.data, pair->patch.size, 0644));
	ASSERT_OK(file_read(AT_FDCWD, path, DELTA_PATCH_MAX, &frozen, &size));
	ASSERT_EQ(size, pair->patch.size);
	ASSERT_MEMEQ(frozen, pair->patch.data, size);
	ASSERT_OK(apply_and_drop(pair));
}

TEST(the_format_of_executables_is_frozen)
{
	_cleanup_(pair_done) Pair pair = {};

	make_pair(&pair);
	check_frozen(VECTORS "executable.delta", &pair);
}

TEST(the_format_of_aarch64_is_frozen)
{
	_cleanup_(pair_done) Pair pair = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {};

	read_pair(VECTORS "aarch64-old.elf", VECTORS "aarch64-new.elf", &pair);
	ASSERT_OK(delta_patch_read(pair.patch.data, pair.patch.size, &patch, NULL));
	ASSERT_EQ(patch.segments[0].codec, DELTA_CODEC_EXECUTABLE);
	check_frozen(VECTORS "aarch64.delta", &pair);
}

TEST(machines_are_not_mixed)
{
	_cleanup_(pair_done) Pair pair = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {};

	read_pair(VECTORS "executable-old.elf", VECTORS "aarch64-new.elf", &pair);
	ASSERT_OK(delta_patch_read(pair.patch.data, pair.patch.size, &patch, NULL));
	ASSERT(patch.segments[0].codec != DELTA_CODEC_EXECUTABLE);
	ASSERT_OK(apply_and_drop(&pair));
}
