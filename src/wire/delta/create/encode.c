/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/create/encode.h"

#include <string.h>

#include "wire/delta/model/encoder.h"

int encode_literal(GenericModels *models, const uint8_t *target, size_t size, Buffer *out)
{
	_cleanup_encoder_ Encoder encoder = {};
	int r;

	generic_restart(models);
	encoder_start(&encoder);
	literal_model_follow(models->literals, NULL, 0);
	for (size_t i = 0; i < size; i++)
		literal_code(models->literals, &encoder.coder, 0, NULL, target[i]);
	r = encoder_finish(&encoder);
	return r < 0 ? r : buffer_append(out, encoder.bytes.data, encoder.bytes.size);
}

typedef struct Encoders {
	Encoder control, literals, differences;
} Encoders;

static void encode_literals(GenericModels *models, Encoder *encoder, const DeltaBytes *old,
	uint64_t beside, const uint8_t *target, size_t done, uint64_t count)
{
	if (count > 0)
		literal_model_follow(models->literals, target, done);
	for (uint64_t i = 0; i < count; i++)
		literal_code(models->literals, &encoder->coder,
			beside + i < old->size ? old->data[beside + i] : 0, NULL, target[done + i]);
}

static void encode_differences(GenericModels *models, Encoder *encoder, const DeltaBytes *old,
	size_t offset, const uint8_t *target, size_t size)
{
	uint8_t page[DIFFERENCE_PAGE];

	while (size > 0) {
		size_t piece = DIFFERENCE_PAGE - offset % DIFFERENCE_PAGE;

		piece = piece < size ? piece : size;
		memcpy(page, target, piece);
		difference_code(models->differences, &encoder->coder, old, offset, piece, page);
		offset += piece;
		target += piece;
		size -= piece;
	}
}

static int encode_steps(GenericModels *models, Encoders *encoders, const DeltaBytes *old,
	const uint8_t *target, const Step *steps, size_t count)
{
	size_t left = 0, done = 0;

	for (size_t i = 0; i < count; i++)
		left += steps[i].literals + steps[i].copy;
	for (size_t i = 0; i < count; i++) {
		Step step = steps[i];
		uint64_t beside = models->control.old;
		int r = control_code(
			&models->control, &encoders->control.coder, left, old->size, &step);

		if (r < 0)
			return r;
		encode_literals(
			models, &encoders->literals, old, beside, target, done, step.literals);
		done += step.literals;
		if (!step.exact)
			encode_differences(models, &encoders->differences, old, step.old,
				target + done, step.copy);
		else
			difference_skip(models->differences, step.copy);
		done += step.copy;
		left -= step.literals + step.copy;
	}
	return 0;
}

static DeltaBytes bytes_of(const Encoder *encoder)
{
	return (DeltaBytes){encoder->bytes.data, encoder->bytes.size};
}

static int append_streams(const Encoders *encoders, Buffer *out)
{
	GenericStreams streams = {bytes_of(&encoders->control), bytes_of(&encoders->literals),
		bytes_of(&encoders->differences)};

	return generic_streams_write(&streams, out);
}

static void encoders_done(Encoders *encoders)
{
	encoder_done(&encoders->control);
	encoder_done(&encoders->literals);
	encoder_done(&encoders->differences);
}

static int encoders_finish(Encoders *encoders)
{
	int r = encoder_finish(&encoders->control);

	if (r == 0)
		r = encoder_finish(&encoders->literals);
	if (r == 0)
		r = encoder_finish(&encoders->differences);
	return r;
}

int encode_generic(GenericModels *models, const DeltaBytes *old, const uint8_t *target,
	const Step *steps, size_t count, Buffer *out)
{
	_cleanup_(encoders_done) Encoders encoders = {};
	int r;

	generic_restart(models);
	encoder_start(&encoders.control);
	encoder_start(&encoders.literals);
	encoder_start(&encoders.differences);
	r = generic_models_need_differences(models);
	if (r == 0)
		r = encode_steps(models, &encoders, old, target, steps, count);
	if (r == 0)
		r = encoders_finish(&encoders);
	return r < 0 ? r : append_streams(&encoders, out);
}
