/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/create/create.h"

#include <errno.h>

#include "wire/delta/create/encode.h"
#include "wire/delta/create/executable.h"
#include "wire/delta/create/match.h"
#include "wire/delta/model/patch.h"

/* A new place must explain so many bytes more than going on does, about what a step costs. */
#define RELUCTANCE 8

_Static_assert(DELTA_CREATE_MAX <= MATCH_OLD_MAX, "an index holds every source");

/* A patch of an executable below this share of its target is not compared with a generic one, which
 * is never smaller then: making that takes longer than all else. */
#define SURELY_SMALL 100
#define SMALL_ENOUGH 2048 /* but then the comparison is quick */

/* The models of a patch; the second half is made when the first executable comes. */
typedef struct Models {
	GenericModels *generic;
	ExecutableModels *executable;
} Models;

/* A patch in the making. */
typedef struct Creation {
	const DeltaBytes *sources;
	const uint8_t *target;
	DeltaPatch patch;
	Models models;
	MatchIndex *index; /* of sources[indexed]; kept, as segments of one source often adjoin */
	size_t indexed;
	Buffer payloads;
	const DeltaWatch *watch;
} Creation;

/* The work on a segment, in phases of about the same length. */
enum {
	PHASE_BEGUN,
	PHASE_FOUND,    /* the plan for an executable, or that there is none */
	PHASE_ENCODED,  /* by that */
	PHASE_COMPARED, /* the codec is chosen */
	_PHASE_MAX,
};

static void models_done(Models *models)
{
	executable_models_free(models->executable);
	generic_models_free(models->generic);
	*models = (Models){};
}

static int models_init(Models *models)
{
	models->generic = generic_models_new();
	return models->generic ? 0 : -ENOMEM;
}

static void creation_done(Creation *creation)
{
	delta_patch_done(&creation->patch);
	models_done(&creation->models);
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
		r = delta_digest(bytes->data, bytes->size, source->digest, DELTA_SOURCE_DIGEST);
	}
	return r;
}

/* What a segment from a source is made of. */
typedef struct Part {
	size_t source;
	const uint8_t *target;
	uint64_t size;
	Step *steps; /* of the generic codec, or NULL */
	size_t step_count;
	ExecutablePlan *plan; /* of the other, or NULL */
} Part;

static int tell(const Creation *creation, const Part *part, unsigned phase)
{
	const DeltaWatch *watch = creation->watch;
	uint64_t begun = (uint64_t)(part->target - creation->target);

	if (!watch)
		return 0;
	return watch->progress(watch->userdata, begun + part->size * phase / _PHASE_MAX,
		creation->patch.target_size);
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

static void part_done(Part *part)
{
	memory_free(part->steps);
	executable_plan_free(part->plan);
}

static int find_steps(Creation *creation, Part *part)
{
	int r = part->steps ? 0 : index_source(creation, part->source);

	if (r < 0 || part->steps)
		return r;
	return match_steps(creation->index, part->target, part->size, RELUCTANCE, &part->steps,
		&part->step_count);
}

static int encode_part(
	Creation *creation, Models *models, Part *part, DeltaCodec codec, Buffer *out)
{
	int r;

	if (codec == DELTA_CODEC_EXECUTABLE) {
		if (!models->executable)
			models->executable = executable_models_new(models->generic);
		return models->executable ? encode_executable(models->executable, part->plan, out)
					  : -ENOMEM;
	}
	r = find_steps(creation, part);
	if (r < 0)
		return r;
	return encode_generic(models->generic, &creation->sources[part->source], part->target,
		part->steps, part->step_count, out);
}

/* Encodes under both codecs with models of their own. What the codec for executables does not bring
 * back, or refuses, is left to the other. */
static int compare_codecs(Creation *creation, Part *part, DeltaCodec *ret_codec)
{
	_cleanup_(models_done) Models a = {}, b = {};
	_cleanup_buffer_ Buffer executable = {}, generic = {};
	int r = models_init(&a);

	*ret_codec = DELTA_CODEC_GENERIC;
	if (r == 0)
		r = encode_part(creation, &a, part, DELTA_CODEC_EXECUTABLE, &executable);
	if (r == 0)
		r = tell(creation, part, PHASE_ENCODED);
	if (r == 0)
		r = verify_executable(part->plan, &executable);
	if (r != 0)
		return r < 0 ? r : 0;
	models_done(&a);
	if (executable.size > SMALL_ENOUGH && executable.size < part->size / SURELY_SMALL) {
		*ret_codec = DELTA_CODEC_EXECUTABLE;
		return 0;
	}
	r = models_init(&b);
	if (r == 0)
		r = encode_part(creation, &b, part, DELTA_CODEC_GENERIC, &generic);
	if (r == 0 && executable.size < generic.size)
		*ret_codec = DELTA_CODEC_EXECUTABLE;
	return r;
}

static int encode_from_source(Creation *creation, size_t source, const uint8_t *target,
	uint64_t size, DeltaCodec *ret_codec)
{
	_cleanup_(part_done) Part part = {.source = source, .target = target, .size = size};
	unsigned *executables = &creation->patch.sources[source].executables;
	int r = tell(creation, &part, PHASE_BEGUN);

	*ret_codec = DELTA_CODEC_GENERIC;
	if (r == 0)
		r = *executables == DELTA_EXECUTABLES_MAX
			? 1
			: executable_plan_new(creation->sources[source],
				  (DeltaBytes){target, (size_t)size}, &part.plan);
	if (r == 0)
		r = tell(creation, &part, PHASE_FOUND);
	if (r == 0)
		r = compare_codecs(creation, &part, ret_codec);
	if (r >= 0 && *ret_codec == DELTA_CODEC_GENERIC)
		r = find_steps(creation, &part);
	if (r >= 0)
		r = tell(creation, &part, PHASE_COMPARED);
	if (r < 0)
		return r;
	*executables += *ret_codec == DELTA_CODEC_EXECUTABLE;
	return encode_part(creation, &creation->models, &part, *ret_codec, &creation->payloads);
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
		segment.source = from->source;
		r = encode_from_source(
			creation, from->source, creation->target + offset, size, &segment.codec);
	} else {
		r = encode_literal(creation->models.generic, creation->target + offset, size,
			&creation->payloads);
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

int delta_create_watched(const DeltaBytes *sources, size_t n_sources, const uint8_t *target,
	size_t size, const DeltaRange *plan, size_t n_plan, const DeltaWatch *watch,
	Buffer *ret_patch, Reason *reterr_reason)
{
	_cleanup_(creation_done)
		Creation creation = {.sources = sources, .target = target, .watch = watch};
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
	creation.patch.target_size = size;
	r = models_init(&creation.models);
	if (r == 0)
		r = delta_digest(target, size, creation.patch.target, DELTA_TARGET_DIGEST);
	if (r == 0)
		r = add_sources(&creation, n_sources);
	if (r == 0)
		r = add_segments(&creation, size, plan, n_plan);
	if (r == 0 && watch)
		r = watch->progress(watch->userdata, size, size);
	return r < 0 ? r : write_patch(&creation, ret_patch, reterr_reason);
}

int delta_create(const DeltaBytes *sources, size_t n_sources, const uint8_t *target, size_t size,
	const DeltaRange *plan, size_t n_plan, Buffer *ret_patch, Reason *reterr_reason)
{
	return delta_create_watched(
		sources, n_sources, target, size, plan, n_plan, NULL, ret_patch, reterr_reason);
}
