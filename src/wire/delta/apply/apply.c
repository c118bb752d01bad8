/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/apply/apply.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "wire/delta/apply/decode.h"

static int check_source(
	const DeltaSource *expected, const DeltaBytes *bytes, size_t number, Reason *reterr_reason)
{
	uint8_t digest[DELTA_SOURCE_DIGEST];
	int r;

	if (bytes->size != expected->size)
		return reason_set(reterr_reason, -ESTALE,
			"the patch does not belong to this old file (source %zu): it has %zu "
			"bytes, not %llu",
			number, bytes->size, (unsigned long long)expected->size);
	r = delta_digest(bytes->data, bytes->size, digest, sizeof(digest));
	if (r == 0 && memcmp(digest, expected->digest, sizeof(digest)) != 0)
		return reason_set(reterr_reason, -ESTALE,
			"the patch does not belong to this old file (source %zu): its SHA-256 "
			"differs",
			number);
	return r;
}

static int check_sources(
	const DeltaPatch *patch, const DeltaBytes *sources, size_t n_sources, Reason *reterr_reason)
{
	int r = 0;

	if (n_sources != patch->source_count)
		return reason_set(reterr_reason, -EINVAL,
			"the patch needs %zu old files, %zu were given", patch->source_count,
			n_sources);
	for (size_t i = 0; i < n_sources && r == 0; i++)
		r = check_source(&patch->sources[i], &sources[i], i, reterr_reason);
	return r;
}

static int decode_segments(
	const DeltaPatch *patch, const DeltaBytes *sources, Output *output, Reason *reterr_reason)
{
	_cleanup_(generic_models_freep) GenericModels *models = generic_models_new();
	_cleanup_(executable_models_freep) ExecutableModels *executable = NULL;
	int r = models ? 0 : -ENOMEM;

	for (size_t i = 0; i < patch->segment_count && r == 0; i++) {
		const DeltaSegment *segment = &patch->segments[i];

		r = decode_segment(models, &executable, segment,
			delta_codec_has_source(segment->codec) ? &sources[segment->source] : NULL,
			output);
		if (r == -EBADMSG)
			reason_set(reterr_reason, r, "the patch is damaged in segment %zu", i);
	}
	return r;
}

int delta_apply_bytes(const DeltaPatch *patch, const DeltaBytes *sources, size_t n_sources,
	const DeltaSink *sink, Reason *reterr_reason)
{
	_cleanup_(output_done) Output output = {};
	int r = check_sources(patch, sources, n_sources, reterr_reason);

	if (r == 0)
		r = output_init(&output, sink, patch->target_size);
	if (r == 0)
		r = decode_segments(patch, sources, &output, reterr_reason);
	if (r < 0)
		return r;
	r = output_finish(&output, patch->target);
	if (r == -EKEYREJECTED)
		reason_set(reterr_reason, r,
			"what the patch makes is not its target (SHA-256 differs): it is damaged");
	return r;
}

/* Old files in memory, until the end of a call. */
typedef struct Mappings {
	DeltaBytes *bytes;
	size_t count;
} Mappings;

static void mappings_done(Mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (mappings->bytes[i].size > 0)
			munmap((void *)mappings->bytes[i].data, mappings->bytes[i].size);
	memory_free(mappings->bytes);
}

static int map_one(int fd, DeltaBytes *ret)
{
	uint64_t size;
	void *data;
	int r = fd_size(fd, &size);

	if (r < 0)
		return r;
	if (size > SIZE_MAX)
		return -EFBIG;
	if (size == 0)
		return 0;
	data = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*ret = (DeltaBytes){data, (size_t)size};
	return 0;
}

static int map_sources(
	Mappings *mappings, const int *sources, size_t n_sources, Reason *reterr_reason)
{
	mappings->bytes = memory_new_array(n_sources, sizeof(DeltaBytes));
	if (!mappings->bytes)
		return -ENOMEM;
	for (; mappings->count < n_sources; mappings->count++) {
		int r = map_one(sources[mappings->count], &mappings->bytes[mappings->count]);

		if (r < 0)
			return reason_errno(
				reterr_reason, r, "cannot map source %zu", mappings->count);
	}
	return 0;
}

typedef struct Target {
	int fd;
	DeltaProgress progress;
	void *userdata;
} Target;

static int write_target(void *userdata, const uint8_t *data, size_t size)
{
	const Target *target = userdata;

	return fd_write_full(target->fd, data, size);
}

static int tell_progress(void *userdata, uint64_t done, uint64_t total)
{
	const Target *target = userdata;

	return target->progress ? target->progress(target->userdata, done, total) : 0;
}

int delta_apply(const DeltaPatch *patch, const int *sources, size_t n_sources, int output,
	DeltaProgress progress, void *userdata, Reason *reterr_reason)
{
	_cleanup_(mappings_done) Mappings mappings = {};
	Target target = {output, progress, userdata};
	DeltaSink sink = {write_target, tell_progress, &target};
	int r = map_sources(&mappings, sources, n_sources, reterr_reason);

	if (r < 0)
		return r;
	return delta_apply_bytes(patch, mappings.bytes, n_sources, &sink, reterr_reason);
}
