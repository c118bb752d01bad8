/* SPDX-License-Identifier: Apache-2.0 */
/* What an embedding program can do wrong. What it does right, tests/cli/test-library.py shows. */
#include "base/buffer.h"
#include "sample.h"
#include "suture/delta.h"
#include "test.h"

static Sample sample;
static suture_delta_bytes old_bytes, new_bytes;

static int append(void *userdata, const void *data, size_t size)
{
	return buffer_append(userdata, data, size);
}

static void make(Buffer *patch)
{
	sample_make(&sample, 7, 4000);
	old_bytes = (suture_delta_bytes){sample.old, sample.old_size};
	new_bytes = (suture_delta_bytes){sample.new, sample.new_size};
	ASSERT_OK(suture_delta_create(&old_bytes, 1, new_bytes, NULL, 0, append, patch, NULL));
}

static suture_delta_patch *opened(const Buffer *bytes)
{
	suture_delta_patch *patch = NULL;

	ASSERT_OK(suture_delta_patch_open(bytes->data, bytes->size, NULL, &patch));
	return patch;
}

TEST(missing_arguments_are_refused)
{
	_cleanup_buffer_ Buffer patch = {}, out = {};
	const suture_delta_bytes nothing = {NULL, 5}, empty = {NULL, 0};
	suture_delta_patch *read = NULL;

	make(&patch);
	ASSERT_ERROR(
		-EINVAL, suture_delta_create(&old_bytes, 1, new_bytes, NULL, 0, NULL, NULL, NULL));
	ASSERT_ERROR(-EINVAL, suture_delta_create(NULL, 1, new_bytes, NULL, 0, append, &out, NULL));
	ASSERT_ERROR(
		-EINVAL, suture_delta_create(&nothing, 1, new_bytes, NULL, 0, append, &out, NULL));
	ASSERT_ERROR(
		-EINVAL, suture_delta_create(&old_bytes, 1, nothing, NULL, 0, append, &out, NULL));
	ASSERT_ERROR(-EINVAL,
		suture_delta_create(&old_bytes, 1, new_bytes, NULL, 1, append, &out, NULL));
	ASSERT_ERROR(-EINVAL, suture_delta_patch_open(NULL, 5, NULL, &read));
	ASSERT_ERROR(-EINVAL, suture_delta_patch_open(patch.data, patch.size, NULL, NULL));
	ASSERT_ERROR(
		-EINVAL, suture_delta_apply(NULL, &old_bytes, 1, UINT64_MAX, append, &out, NULL));
	ASSERT_EQ(out.size, 0);
	ASSERT(!read);
	ASSERT_OK(suture_delta_create(NULL, 0, empty, NULL, 0, append, &out, NULL));
	suture_delta_patch_free(NULL);
}

TEST(a_patch_is_applied_to_what_it_was_made_from)
{
	_cleanup_buffer_ Buffer bytes = {}, out = {};
	suture_delta_patch *patch;

	make(&bytes);
	patch = opened(&bytes);
	ASSERT_ERROR(-EINVAL, suture_delta_apply(patch, NULL, 0, UINT64_MAX, append, &out, NULL));
	ASSERT_ERROR(-EINVAL, suture_delta_apply(patch, NULL, 1, UINT64_MAX, append, &out, NULL));
	ASSERT_ERROR(
		-EINVAL, suture_delta_apply(patch, &old_bytes, 1, UINT64_MAX, NULL, NULL, NULL));
	ASSERT_ERROR(
		-ESTALE, suture_delta_apply(patch, &new_bytes, 1, UINT64_MAX, append, &out, NULL));
	ASSERT_ERROR(-EFBIG,
		suture_delta_apply(patch, &old_bytes, 1, new_bytes.size - 1, append, &out, NULL));
	ASSERT_EQ(out.size, 0);
	ASSERT_OK(suture_delta_apply(patch, &old_bytes, 1, new_bytes.size, append, &out, NULL));
	ASSERT_EQ(out.size, new_bytes.size);
	ASSERT_MEMEQ(out.data, sample.new, out.size);
	suture_delta_patch_free(patch);
}

TEST(limits_are_kept)
{
	_cleanup_buffer_ Buffer out = {};
	static const suture_delta_bytes many[SUTURE_DELTA_SOURCES_MAX + 1];
	static const suture_delta_range ranges[SUTURE_DELTA_SEGMENTS_MAX + 1];
	const suture_delta_bytes large = {&out, (size_t)SUTURE_DELTA_CREATE_MAX + 1};
	const suture_delta_bytes none = {NULL, 0};
	suture_delta_patch *patch = NULL;

	ASSERT_ERROR(-EFBIG,
		suture_delta_create(many, ARRAY_SIZE(many), none, ranges, 0, append, &out, NULL));
	ASSERT_ERROR(-EFBIG,
		suture_delta_create(many, 1, none, ranges, ARRAY_SIZE(ranges), append, &out, NULL));
	ASSERT_ERROR(-EINVAL, suture_delta_create(many, 1, none, ranges, 1, append, &out, NULL));
	ASSERT_ERROR(-EFBIG, suture_delta_create(&large, 1, none, NULL, 0, append, &out, NULL));
	ASSERT_ERROR(-EFBIG,
		suture_delta_patch_open(&out, (size_t)SUTURE_DELTA_PATCH_MAX + 1, NULL, &patch));
	ASSERT_EQ(out.size, 0);
}

/* As a later version of the library might have them. */
typedef struct LaterOptions {
	suture_delta_options known;
	size_t more;
} LaterOptions;

static int open_with(const Buffer *bytes, const suture_delta_options *options)
{
	suture_delta_patch *patch = NULL;
	int r = suture_delta_patch_open(bytes->data, bytes->size, options, &patch);

	ASSERT((r == 0) == (patch != NULL));
	suture_delta_patch_free(patch);
	return r;
}

static void *allocate(void *userdata, size_t size)
{
	++*(size_t *)userdata;
	return malloc(size);
}

static void release(void *userdata, void *memory)
{
	--*(size_t *)userdata;
	free(memory);
}

TEST(options_grow)
{
	_cleanup_buffer_ Buffer bytes = {};
	LaterOptions later = {.known.size = sizeof(later)};
	suture_delta_options *options = &later.known;
	size_t count = 0;

	make(&bytes);
	ASSERT_OK(open_with(&bytes, options));
	later.more = 1;
	ASSERT_ERROR(-EINVAL, open_with(&bytes, options));
	options->size = sizeof(*options);
	ASSERT_OK(open_with(&bytes, options));
	options->size--;
	ASSERT_ERROR(-EINVAL, open_with(&bytes, options));
	options->size = sizeof(*options);
	options->userdata = &count;
	options->allocate = allocate;
	ASSERT_ERROR(-EINVAL, open_with(&bytes, options));
	options->release = release;
	ASSERT_OK(open_with(&bytes, options));
	ASSERT_EQ(count, 0);
}

typedef struct LaterInfo {
	suture_delta_info known;
	size_t more;
} LaterInfo;

TEST(a_patch_tells_what_it_is)
{
	_cleanup_buffer_ Buffer bytes = {};
	LaterInfo later = {.known.size = sizeof(later), .more = 1};
	suture_delta_info *info = &later.known;
	suture_delta_segment segment;
	suture_delta_patch *patch;
	suture_delta_file source;

	make(&bytes);
	patch = opened(&bytes);
	ASSERT_OK(suture_delta_patch_info(patch, info));
	ASSERT_EQ(later.more, 0);
	ASSERT_EQ(info->size, sizeof(later));
	ASSERT_EQ(info->target.size, sample.new_size);
	ASSERT_EQ(info->codecs, 1 << SUTURE_DELTA_GENERIC);
	ASSERT_EQ(info->header + info->control + info->literals + info->differences, bytes.size);
	info->size = sizeof(*info) - 1;
	ASSERT_ERROR(-EINVAL, suture_delta_patch_info(patch, info));
	ASSERT_ERROR(-EINVAL, suture_delta_patch_info(NULL, info));
	ASSERT_OK(suture_delta_patch_source(patch, 0, &source));
	ASSERT_EQ(source.size, sample.old_size);
	ASSERT_ERROR(-EINVAL, suture_delta_patch_source(patch, 1, &source));
	ASSERT_OK(suture_delta_patch_segment(patch, 0, &segment));
	ASSERT_STREQ(suture_delta_codec_name(segment.codec), "generic");
	ASSERT_EQ(segment.source, 0);
	ASSERT_ERROR(-EINVAL, suture_delta_patch_segment(patch, 1, &segment));
	ASSERT(!suture_delta_codec_name(0) && !suture_delta_codec_name(-1) &&
		!suture_delta_codec_name(99));
	suture_delta_patch_free(patch);
}

static int answer(void *userdata, const void *data, size_t size)
{
	return *(int *)userdata;
}

TEST(what_the_output_says_is_forwarded_and_told)
{
	_cleanup_buffer_ Buffer bytes = {};
	char text[SUTURE_DELTA_ERROR_SIZE], little[5];
	suture_delta_options options = {
		.size = sizeof(options), .error = text, .error_size = sizeof(text)};
	int positive = 3, negative = -EBADMSG;
	suture_delta_patch *patch;

	make(&bytes);
	patch = opened(&bytes);
	ASSERT_ERROR(
		-EIO, suture_delta_apply(patch, &old_bytes, 1, 10000, answer, &positive, &options));
	ASSERT_ERROR(-EBADMSG,
		suture_delta_apply(patch, &old_bytes, 1, 10000, answer, &negative, &options));
	ASSERT(strstr(text, "output"));
	options.error = little;
	options.error_size = sizeof(little);
	ASSERT_ERROR(-EBADMSG,
		suture_delta_create(
			&old_bytes, 1, new_bytes, NULL, 0, answer, &negative, &options));
	ASSERT_STREQ(little, "the ");
	suture_delta_patch_free(patch);
}

/* A call within a call, each with its own memory. */
typedef struct Outer {
	const Buffer *bytes;
	size_t *inner;
} Outer;

static int open_inside(void *userdata, const void *data, size_t size)
{
	const Outer *outer = userdata;
	const suture_delta_options options = {.size = sizeof(options),
		.allocate = allocate,
		.release = release,
		.userdata = outer->inner};

	return open_with(outer->bytes, &options);
}

TEST(calls_nest)
{
	_cleanup_buffer_ Buffer bytes = {};
	size_t inner = 0, count = 0;
	Outer outer = {&bytes, &inner};
	suture_delta_options options = {.size = sizeof(options),
		.allocate = allocate,
		.release = release,
		.userdata = &count};
	suture_delta_patch *patch = NULL;

	make(&bytes);
	ASSERT_OK(suture_delta_patch_open(bytes.data, bytes.size, &options, &patch));
	ASSERT(count > 0);
	ASSERT_OK(suture_delta_apply(patch, &old_bytes, 1, 10000, open_inside, &outer, &options));
	ASSERT_EQ(inner, 0);
	suture_delta_patch_free(patch);
	ASSERT_EQ(count, 0);
	ASSERT(memory_use(NULL) == NULL);
}
