/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/apply/decode.h"

#include <errno.h>
#include <string.h>

typedef struct Decoder {
	GenericModels *models;
	ExecutableModels **executable;
	Coder control, literals, differences;
	const DeltaBytes *old;
	uint64_t done; /* bytes of the segment */
	Output *output;
} Decoder;

/* `beside` is where in the old file the last copy ended. */
static int decode_literals(Decoder *decoder, uint64_t count, uint64_t beside)
{
	LiteralModel *model = decoder->models->literals;
	const DeltaBytes *old = decoder->old;
	size_t tail = decoder->done < OUTPUT_TAIL ? (size_t)decoder->done : OUTPUT_TAIL;
	uint8_t *room;

	literal_model_follow(model, output_tail(decoder->output, tail), tail);
	for (uint64_t i = 0; i < count; i++) {
		int r = output_room(decoder->output, 1, &room);

		if (r < 0)
			return r;
		*room = literal_code(model, &decoder->literals,
			beside + i < old->size ? old->data[beside + i] : 0, NULL, 0);
		output_add(decoder->output, 1);
	}
	decoder->done += count;
	return 0;
}

static int decode_copy(Decoder *decoder, const Step *step)
{
	DifferenceModel *model = decoder->models->differences;
	const DeltaBytes *old = decoder->old;
	size_t offset = (size_t)step->old, end = offset + (size_t)step->copy;
	uint8_t *room;

	while (offset < end) {
		size_t size = DIFFERENCE_PAGE - offset % DIFFERENCE_PAGE;
		int r;

		size = size < end - offset ? size : end - offset;
		r = output_room(decoder->output, size, &room);
		if (r < 0)
			return r;
		memcpy(room, old->data + offset, size);
		if (!step->exact)
			difference_code(model, &decoder->differences, old, offset, size, room);
		output_add(decoder->output, size);
		offset += size;
	}
	if (step->exact)
		difference_skip(model, step->copy);
	decoder->done += step->copy;
	return 0;
}

static int decode_steps(Decoder *decoder, uint64_t size)
{
	ControlModel *control = &decoder->models->control;

	while (decoder->done < size) {
		uint64_t beside = control->old;
		Step step = {};
		int r = control_code(control, &decoder->control, size - decoder->done,
			decoder->old->size, &step);

		if (r == 0 && step.literals > 0)
			r = decode_literals(decoder, step.literals, beside);
		if (r == 0 && step.copy > 0)
			r = decode_copy(decoder, &step);
		if (r < 0)
			return r;
	}
	return coder_ended(&decoder->control) && coder_ended(&decoder->literals) &&
			coder_ended(&decoder->differences)
		? 0
		: -EBADMSG;
}

static int decode_generic(Decoder *decoder, const DeltaSegment *segment)
{
	GenericStreams streams;
	int r = generic_streams_read(segment->payload, segment->payload_size, &streams);

	if (r == 0)
		r = generic_models_need_differences(decoder->models);
	if (r < 0)
		return r;
	coder_start(&decoder->control, streams.control.data, streams.control.size);
	coder_start(&decoder->literals, streams.literals.data, streams.literals.size);
	coder_start(&decoder->differences, streams.differences.data, streams.differences.size);
	return decode_steps(decoder, segment->size);
}

static int decode_literal(Decoder *decoder, const DeltaSegment *segment)
{
	int r;

	coder_start(&decoder->literals, segment->payload, segment->payload_size);
	r = decode_literals(decoder, segment->size, 0);
	if (r < 0)
		return r;
	return coder_ended(&decoder->literals) ? 0 : -EBADMSG;
}

static int decode_executable(Decoder *decoder, const DeltaSegment *segment)
{
	_cleanup_(predictor_done) Predictor predictor = {};
	int r = 0;

	if (!*decoder->executable)
		*decoder->executable = executable_models_new(decoder->models);
	if (!*decoder->executable)
		return -ENOMEM;
	r = executable_decode(*decoder->executable, *decoder->old, segment->size, segment->payload,
		segment->payload_size, &predictor);
	while (r == 0 && decoder->done < segment->size) {
		uint64_t left = segment->size - decoder->done;
		size_t size = left < OUTPUT_WINDOW ? (size_t)left : OUTPUT_WINDOW;
		uint8_t *room;

		r = output_room(decoder->output, size, &room);
		if (r < 0)
			return r;
		predictor_render(&predictor, decoder->done, size, room);
		output_add(decoder->output, size);
		decoder->done += size;
	}
	return r;
}

int decode_segment(GenericModels *models, ExecutableModels **executable,
	const DeltaSegment *segment, const DeltaBytes *old, Output *output)
{
	static const DeltaBytes nothing;
	Decoder decoder = {.models = models,
		.executable = executable,
		.output = output,
		.old = old ? old : &nothing};

	generic_restart(models);
	switch (segment->codec) {
	case DELTA_CODEC_LITERAL: return decode_literal(&decoder, segment);
	case DELTA_CODEC_GENERIC: return decode_generic(&decoder, segment);
	case DELTA_CODEC_EXECUTABLE: return decode_executable(&decoder, segment);
	case DELTA_CODEC_INVALID:
	case _DELTA_CODEC_MAX: break;
	}
	return -EBADMSG;
}
