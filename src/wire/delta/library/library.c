/* SPDX-License-Identifier: Apache-2.0 */
#include "suture/delta.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suture-version.h"
#include "wire/delta/apply/apply.h"
#include "wire/delta/create/create.h"
#include "wire/delta/model/generic.h"

_Static_assert(SUTURE_DELTA_PATCH_MAX == DELTA_PATCH_MAX, "as the engine has it");
_Static_assert(SUTURE_DELTA_CREATE_MAX == DELTA_CREATE_MAX, "as the engine has it");
_Static_assert(SUTURE_DELTA_SOURCES_MAX == DELTA_SOURCES_MAX, "as the engine has it");
_Static_assert(SUTURE_DELTA_SEGMENTS_MAX == DELTA_SEGMENTS_MAX, "as the engine has it");
_Static_assert(SUTURE_DELTA_LITERAL == (int)DELTA_CODEC_LITERAL, "as the engine has it");
_Static_assert(SUTURE_DELTA_GENERIC == (int)DELTA_CODEC_GENERIC, "as the engine has it");
_Static_assert(SUTURE_DELTA_EXECUTABLE == (int)DELTA_CODEC_EXECUTABLE, "as the engine has it");
_Static_assert(SUTURE_DELTA_ERROR_SIZE >= REASON_TEXT_MAX, "every text fits");

/* The structs of the first version: smaller ones never were. */
#define OPTIONS_SIZE_MIN (offsetof(suture_delta_options, error_size) + sizeof(size_t))
#define INFO_SIZE_MIN    (offsetof(suture_delta_info, differences) + sizeof(uint64_t))

const char *suture_delta_version(void)
{
	return SUTURE_VERSION;
}

const char *suture_delta_error_text(int result)
{
	static const struct {
		int result;
		const char *text;
	} texts[] = {
		{0, "done"},
		{-EINVAL, "an argument is missing or cannot be"},
		{-EBADMSG, "the patch is damaged, or is none"},
		{-EOPNOTSUPP, "the patch needs a newer version of the library"},
		{-EFBIG, "a file or the patch is larger than its limit"},
		{-ESTALE, "an old file is not the one that the patch was made from"},
		{-EKEYREJECTED, "what the patch makes is not its target"},
		{-ECANCELED, "cancelled"},
		{-ENOMEM, "memory is short"},
		{-EIO, "the output could not be written, or libcrypto failed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].result == result)
			return texts[i].text;
	return "the output could not be written";
}

const char *suture_delta_codec_name(int codec)
{
	return codec > DELTA_CODEC_INVALID && codec < _DELTA_CODEC_MAX
		? delta_codec_name((DeltaCodec)codec)
		: NULL;
}

/* A public call from its begin to its end. */
typedef struct Call {
	suture_delta_options options;
	MemoryAllocator allocator;
	const MemoryAllocator *before;
	suture_delta_write write;
	void *write_userdata;
	int stopped; /* what a callback ended the call with */
	Reason reason;
} Call;

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static int read_options(const suture_delta_options *options, suture_delta_options *ret)
{
	suture_delta_options own = {};
	size_t size = options ? options->size : sizeof(own);
	size_t known = size < sizeof(own) ? size : sizeof(own);

	if (size < OPTIONS_SIZE_MIN)
		return -EINVAL;
	if (options && !is_zero((const uint8_t *)options + known, size - known))
		return -EINVAL;
	if (options)
		memcpy(&own, options, known);
	if (!own.allocate != !own.release)
		return -EINVAL;
	*ret = own;
	return 0;
}

static int call_begin(Call *call, const suture_delta_options *options)
{
	int r = read_options(options, &call->options);

	if (r < 0)
		return r;
	call->allocator = (MemoryAllocator){
		call->options.allocate, call->options.release, call->options.userdata};
	call->before = memory_use(call->options.allocate ? &call->allocator : NULL);
	return 0;
}

static int call_end(Call *call, int result)
{
	const char *text = call->reason.text;

	memory_use(call->before);
	if (result == 0 || !call->options.error || call->options.error_size == 0)
		return result;
	if (call->stopped != 0 && result != -ECANCELED)
		reason_errno(&call->reason, result, "the output could not be written");
	if (!text[0])
		text = suture_delta_error_text(result);
	snprintf(call->options.error, call->options.error_size, "%s", text);
	return result;
}

static int pass_on(void *userdata, const uint8_t *data, size_t size)
{
	Call *call = userdata;
	int r = call->write(call->write_userdata, data, size);

	if (r != 0)
		call->stopped = r < 0 ? r : -EIO;
	return call->stopped;
}

static int tell(void *userdata, uint64_t done, uint64_t total)
{
	Call *call = userdata;

	if (call->options.progress &&
		call->options.progress(call->options.userdata, done, total) != 0)
		call->stopped = -ECANCELED;
	return call->stopped;
}

static int check_bytes(const suture_delta_bytes *bytes, size_t number, Reason *reason)
{
	return bytes->data || bytes->size == 0
		? 0
		: reason_set(reason, -EINVAL, "source %zu has no bytes", number);
}

static int copy_sources(
	const suture_delta_bytes *sources, size_t n_sources, DeltaBytes **ret, Reason *reason)
{
	_cleanup_free_ DeltaBytes *copy = NULL;
	int r = 0;

	if (n_sources > DELTA_SOURCES_MAX)
		return reason_set(reason, -EFBIG, "a patch has at most %d sources, not %zu",
			DELTA_SOURCES_MAX, n_sources);
	if (!sources && n_sources > 0)
		return reason_set(reason, -EINVAL, "the sources are missing");
	copy = memory_new_array(n_sources, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n_sources && r == 0; i++) {
		r = check_bytes(&sources[i], i, reason);
		copy[i] = (DeltaBytes){sources[i].data, sources[i].size};
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(copy);
	return 0;
}

/* NULL stays NULL: no plan is not an empty one. */
static int copy_plan(
	const suture_delta_range *plan, size_t n_plan, DeltaRange **ret, Reason *reason)
{
	DeltaRange *copy;

	if (!plan)
		return n_plan == 0 ? 0 : reason_set(reason, -EINVAL, "the plan is missing");
	if (n_plan > DELTA_SEGMENTS_MAX)
		return reason_set(reason, -EFBIG, "a plan has at most %d ranges, not %zu",
			DELTA_SEGMENTS_MAX, n_plan);
	copy = memory_new_array(n_plan, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n_plan; i++)
		copy[i] = (DeltaRange){plan[i].offset, plan[i].size, plan[i].source};
	*ret = copy;
	return 0;
}

static int create(Call *call, const suture_delta_bytes *sources, size_t n_sources,
	const suture_delta_bytes *target, const suture_delta_range *plan, size_t n_plan)
{
	_cleanup_free_ DeltaBytes *olds = NULL;
	_cleanup_free_ DeltaRange *ranges = NULL;
	_cleanup_buffer_ Buffer patch = {};
	const DeltaWatch watch = {tell, call};
	int r;

	if (!call->write)
		return reason_set(&call->reason, -EINVAL, "there is nothing to write with");
	if (!target->data && target->size > 0)
		return reason_set(&call->reason, -EINVAL, "the target has no bytes");
	r = copy_sources(sources, n_sources, &olds, &call->reason);
	if (r == 0)
		r = copy_plan(plan, n_plan, &ranges, &call->reason);
	if (r == 0)
		r = delta_create_watched(olds, n_sources, target->data, target->size, ranges,
			n_plan, &watch, &patch, &call->reason);
	return r < 0 ? r : pass_on(call, patch.data, patch.size);
}

int suture_delta_create(const suture_delta_bytes *sources, size_t n_sources,
	suture_delta_bytes target, const suture_delta_range *plan, size_t n_plan,
	suture_delta_write write, void *write_userdata, const suture_delta_options *options)
{
	Call call = {.write = write, .write_userdata = write_userdata};
	int r = call_begin(&call, options);

	if (r < 0)
		return r;
	return call_end(&call, create(&call, sources, n_sources, &target, plan, n_plan));
}

struct suture_delta_patch {
	MemoryAllocator allocator; /* that the patch itself lies in; without calls: malloc() */
	DeltaPatch contents;
	size_t size;
};

static int open_patch(Call *call, const void *data, size_t size, suture_delta_patch **ret)
{
	_cleanup_free_ suture_delta_patch *patch = NULL;
	int r;

	if (!data || !ret)
		return reason_set(&call->reason, -EINVAL, "there is no patch, or no place for it");
	patch = memory_new(sizeof(*patch));
	if (!patch)
		return -ENOMEM;
	patch->allocator = call->allocator;
	patch->size = size;
	r = delta_patch_read(data, size, &patch->contents, &call->reason);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(patch);
	return 0;
}

int suture_delta_patch_open(const void *data, size_t size, const suture_delta_options *options,
	suture_delta_patch **ret_patch)
{
	Call call = {};
	int r = call_begin(&call, options);

	return r < 0 ? r : call_end(&call, open_patch(&call, data, size, ret_patch));
}

void suture_delta_patch_free(suture_delta_patch *patch)
{
	const MemoryAllocator *before;
	MemoryAllocator allocator;

	if (!patch)
		return;
	allocator = patch->allocator;
	before = memory_use(allocator.allocate ? &allocator : NULL);
	delta_patch_done(&patch->contents);
	memory_free(patch);
	memory_use(before);
}

static int add_share(const DeltaSegment *segment, suture_delta_info *info)
{
	GenericStreams streams;

	if (segment->codec == DELTA_CODEC_LITERAL) {
		info->literals += segment->payload_size;
		return 0;
	}
	if (generic_streams_read(segment->payload, segment->payload_size, &streams) < 0)
		return -EBADMSG;
	info->control += streams.control.size;
	info->literals += streams.literals.size;
	info->differences += streams.differences.size;
	return 0;
}

static suture_delta_file file_of(uint64_t size, const uint8_t *digest, size_t digest_size)
{
	suture_delta_file file = {.size = size, .sha256_size = digest_size};

	_Static_assert(DELTA_TARGET_DIGEST <= sizeof(file.sha256), "the longest that a patch has");
	_Static_assert(DELTA_SOURCE_DIGEST <= sizeof(file.sha256), "the other");
	memcpy(file.sha256, digest, digest_size);
	return file;
}

static int fill_info(const suture_delta_patch *patch, suture_delta_info *info)
{
	const DeltaPatch *contents = &patch->contents;

	*info = (suture_delta_info){
		.format = DELTA_VERSION,
		.target =
			file_of(contents->target_size, contents->target, sizeof(contents->target)),
		.source_count = contents->source_count,
		.segment_count = contents->segment_count,
	};
	for (size_t i = 0; i < contents->segment_count; i++) {
		info->codecs |= UINT32_C(1) << contents->segments[i].codec;
		if (add_share(&contents->segments[i], info) < 0)
			return -EBADMSG;
	}
	info->header = patch->size - info->control - info->literals - info->differences;
	return 0;
}

int suture_delta_patch_info(const suture_delta_patch *patch, suture_delta_info *info)
{
	suture_delta_info own;
	size_t size, known;
	int r;

	if (!patch || !info || info->size < INFO_SIZE_MIN)
		return -EINVAL;
	r = fill_info(patch, &own);
	if (r < 0)
		return r;
	size = info->size;
	known = size < sizeof(own) ? size : sizeof(own);
	own.size = size;
	memset(info, 0, size);
	memcpy(info, &own, known);
	return 0;
}

int suture_delta_patch_source(
	const suture_delta_patch *patch, size_t number, suture_delta_file *ret_file)
{
	const DeltaSource *source;

	if (!patch || !ret_file || number >= patch->contents.source_count)
		return -EINVAL;
	source = &patch->contents.sources[number];
	*ret_file = file_of(source->size, source->digest, sizeof(source->digest));
	return 0;
}

int suture_delta_patch_segment(
	const suture_delta_patch *patch, size_t number, suture_delta_segment *ret_segment)
{
	const DeltaSegment *segment;

	if (!patch || !ret_segment || number >= patch->contents.segment_count)
		return -EINVAL;
	segment = &patch->contents.segments[number];
	*ret_segment = (suture_delta_segment){
		.size = segment->size,
		.payload = segment->payload_size,
		.source = delta_codec_has_source(segment->codec) ? segment->source : SIZE_MAX,
		.codec = (int)segment->codec,
	};
	return 0;
}

static int apply(Call *call, const suture_delta_patch *patch, const suture_delta_bytes *sources,
	size_t n_sources, uint64_t target_max)
{
	_cleanup_free_ DeltaBytes *olds = NULL;
	const DeltaSink sink = {pass_on, tell, call};
	int r;

	if (!patch || !call->write)
		return reason_set(
			&call->reason, -EINVAL, "there is no patch, or nothing to write with");
	if (patch->contents.target_size > target_max)
		return reason_set(&call->reason, -EFBIG,
			"the patch makes %llu bytes, more than the %llu that were expected",
			(unsigned long long)patch->contents.target_size,
			(unsigned long long)target_max);
	r = copy_sources(sources, n_sources, &olds, &call->reason);
	if (r < 0)
		return r;
	return delta_apply_bytes(&patch->contents, olds, n_sources, &sink, &call->reason);
}

int suture_delta_apply(const suture_delta_patch *patch, const suture_delta_bytes *sources,
	size_t n_sources, uint64_t target_max, suture_delta_write write, void *write_userdata,
	const suture_delta_options *options)
{
	Call call = {.write = write, .write_userdata = write_userdata};
	int r = call_begin(&call, options);

	return r < 0 ? r : call_end(&call, apply(&call, patch, sources, n_sources, target_max));
}
