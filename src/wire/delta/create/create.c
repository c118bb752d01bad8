/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/create/create.h"

#include <errno.h>

#include "wire/delta/create/encode.h"
#include "wire/delta/create/match.h"
#include "wire/delta/model/patch.h"

/* A new place must explain so many bytes more than going on does, about what a step costs. */
#define RELUCTANCE 8

_Static_assert(DELTA_CREATE_MAX <= MATCH_OLD_MAX, "an index holds every source");

/* A patch in the making. */
typedef struct Creation {
	const DeltaBytes *sources;
	const uint8_t *target;
	DeltaPatch patch;
	GenericModels *models;
	MatchIndex *index; /* of sources[indexed]; kept, as segments of one source often adjoin */
	size_t indexed;
	Buffer payloads;
} Creation;

static void creation_done(Creation *creation)
{
	delta_patch_done(&creation->patch);
	generic_models_free(creation->models);
	match_index_free(creation->index);
	buffer_done(&creation->payloads);
}

static int check_plan(
	const DeltaRange *plan, size_t n_plan, size_t n_sources, uint64_t size, Reason *reason)
{
	uint64_t end = 0;

	for (size_t i = 0; i < n_plan; i++) {
		const DeltaRange *range = &plan[i];

		if (range->offset < end || range->size == 0 || range->offset > size ||
			range->size > size - range->offset || range->source >= n_sources)
			return reason_set(reason, -EINVAL,
				"range %zu of the plan is empty, out of order or out of bounds", i);
		end = range->offset + range->size;
	}
	return 0;
}

static int check_sizes(const DeltaBytes *sources, size_t n_sources, uint64_t size, Reason *reason)
{
	if (n_sources > DELTA_SOURCES_MAX)
		return reason_set(reason, -EFBIG, "a patch has at most %d sources, not %zu",
			DELTA_SOURCES_MAX, n_sources);
	for (size_t i = 0; i < n_sources; i++)
		size = sources[i].size > size ? sources[i].size : size;
	if (size > DELTA_CREATE_MAX)
		return reason_set(reason, -EFBIG,
			"a file of %llu bytes is larger than a delta can be made for (%llu)",
			(unsigned long long)size, (unsigned long long)DELTA_CREATE_MAX);
	return 0;
}

static int add_sources(Creation *creation, size_t n_sources)
{
	DeltaPatch *patch = &creation->patch;
	int r = 0;

	patch->sources = memory_new_array(n_sources, sizeof(DeltaSource));
	if (!patch->sources)
		return -ENOMEM;
	for (; patch->source_count < n_sources && r == 0; patch->source_count++) {
		DeltaSource *source = &patch->sources[patch->source_count];
		const DeltaBytes *bytes = &creation->sources[patch->source_count];

		source->size = bytes->size;
		r = digest_of(bytes->data, bytes->size, &source->digest);
	}
	return r;
}

static int index_source(Creation *creation, size_t source)
{
	const DeltaBytes *bytes = &creation->sources[source];

	if (creation->index && creation->indexed == source)
		return 0;
	creation->index = match_index_free(creation->index);
	creation->indexed = source;
	return match_index_new(bytes->data, bytes->size, &creation->index);
}

static int encode_from_source(
	Creation *creation, size_t source, const uint8_t *target, uint64_t size)
{
	_cleanup_free_ Step *steps = NULL;
	size_t count;
	int r = index_source(creation, source);

	if (r == 0)
		r = match_steps(creation->index, target, size, RELUCTANCE, &steps, &count);
	if (r < 0)
		return r;
	return encode_generic(creation->models, &creation->sources[source], target, steps, count,
		&creation->payloads);
}

static int add_segment(Creation *creation, uint64_t offset, uint64_t size, const DeltaRange *from)
{
	DeltaPatch *patch = &creation->patch;
	DeltaSegment segment = {.size = size, .codec = DELTA_CODEC_LITERAL};
	size_t before = creation->payloads.size;
	int r;

	if (size == 0)
		return 0;
	if (from) {
		segment.codec = DELTA_CODEC_GENERIC;
		segment.source = from->source;
		r = encode_from_source(creation, from->source, creation->target + offset, size);
	} else {
		r = encode_literal(
			creation->models, creation->target + offset, size, &creation->payloads);
	}
	if (r == 0)
		r = memory_grow(&patch->segments, patch->segment_count, sizeof(DeltaSegment));
	if (r < 0)
		return r;
	segment.payload_size = creation->payloads.size - before;
	patch->segments[patch->segment_count++] = segment;
	return 0;
}

static int add_segments(Creation *creation, uint64_t size, const DeltaRange *plan, size_t n_plan)
{
	uint64_t done = 0;
	int r = 0;

	for (size_t i = 0; i < n_plan && r == 0; i++) {
		r = add_segment(creation, done, plan[i].offset - done, NULL);
		if (r == 0)
			r = add_segment(creation, plan[i].offset, plan[i].size, &plan[i]);
		done = plan[i].offset + plan[i].size;
	}
	return r < 0 ? r : add_segment(creation, done, size - done, NULL);
}

/* The payloads lie one behind the other in a buffer that moved while it grew. */
static void point_to_payloads(Creation *creation)
{
	const uint8_t *at = creation->payloads.data;

	for (size_t i = 0; i < creation->patch.segment_count; i++) {
		creation->patch.segments[i].payload = at;
		at += creation->patch.segments[i].payload_size;
	}
}

static int write_patch(Creation *creation, Buffer *ret_patch, Reason *reason)
{
	_cleanup_buffer_ Buffer out = {};
	int r;

	point_to_payloads(creation);
	r = delta_patch_write(&creation->patch, &out);
	if (r < 0)
		return r;
	if (creation->patch.segment_count > DELTA_SEGMENTS_MAX || out.size > DELTA_PATCH_MAX)
		return reason_set(reason, -EFBIG,
			"the patch would be too large: %zu segments, %zu bytes",
			creation->patch.segment_count, out.size);
	return buffer_append(ret_patch, out.data, out.size);
}

int delta_create(const DeltaBytes *sources, size_t n_sources, const uint8_t *target, size_t size,
	const DeltaRange *plan, size_t n_plan, Buffer *ret_patch, Reason *reterr_reason)
{
	_cleanup_(creation_done) Creation creation = {.sources = sources, .target = target};
	const DeltaRange whole = {0, size, 0};
	int r = check_sizes(sources, n_sources, size, reterr_reason);

	if (r < 0)
		return r;
	if (!plan && n_sources > 1)
		return reason_set(reterr_reason, -EINVAL, "several sources need a plan");
	if (!plan && n_sources == 1 && size > 0) {
		plan = &whole;
		n_plan = 1;
	}
	r = check_plan(plan, n_plan, n_sources, size, reterr_reason);
	if (r < 0)
		return r;
	creation.models = generic_models_new();
	if (!creation.models)
		return -ENOMEM;
	creation.patch.target_size = size;
	r = digest_of(target, size, &creation.patch.target);
	if (r == 0)
		r = add_sources(&creation, n_sources);
	if (r == 0)
		r = add_segments(&creation, size, plan, n_plan);
	return r < 0 ? r : write_patch(&creation, ret_patch, reterr_reason);
}
