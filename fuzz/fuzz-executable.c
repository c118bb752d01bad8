/* SPDX-License-Identifier: Apache-2.0 */
/* The codec for executables on its own, without the digests that protect it: a hostile payload over
 * a hostile old file. Whatever it makes, it makes the same by every window. An input is
 *
 *     u16 size of the old file (0: the one of the vectors), u16 size of the target,
 *     u16 size of control, u16 size of literals, the old file, control, literals, differences
 */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "kept-models.h"
#include "wire/delta/model/insertion.h"
#include "wire/delta/model/little.h"

#define HEAD     8
#define OLD_PATH TEST_SOURCE_ROOT "/tests/vectors/delta/executable-old.elf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Input {
	DeltaBytes old;
	size_t target_size;
	GenericStreams streams;
} Input;

static DeltaBytes take(const uint8_t **at, const uint8_t *end, size_t wanted)
{
	size_t left = (size_t)(end - *at);
	DeltaBytes taken = {*at, wanted < left ? wanted : left};

	*at += taken.size;
	return taken;
}

static DeltaBytes known_file(void)
{
	static uint8_t *data;
	static size_t size;

	if (!data && file_read(AT_FDCWD, OLD_PATH, (size_t)1 << 16, &data, &size) < 0)
		abort();
	return (DeltaBytes){data, size};
}

static Input split(const uint8_t *data, size_t size)
{
	const uint8_t *at = data + HEAD, *end = data + size;
	Input input = {
		.old = take(&at, end, little_u16(data)), .target_size = little_u16(data + 2)};

	if (input.old.size == 0)
		input.old = known_file();
	input.streams.control = take(&at, end, little_u16(data + 4));
	input.streams.literals = take(&at, end, little_u16(data + 6));
	input.streams.differences = take(&at, end, size);
	return input;
}

/* As executable_decode(), which also wants each stream to end where its last bit was read. Who
 * means harm can cut a stream there; a fuzzer seldom does. */
static int decode(ExecutableModels *models, const Input *input, Predictor *predictor)
{
	const GenericStreams *streams = &input->streams;
	Coder control, literals, differences;
	int r = predictor_init(predictor, input->old, input->target_size);

	coder_start(&control, streams->control.data, streams->control.size);
	coder_start(&literals, streams->literals.data, streams->literals.size);
	coder_start(&differences, streams->differences.data, streams->differences.size);
	if (r == 0)
		r = executable_code_plan(models, &control, predictor);
	if (r == 0)
		r = insertions_code(models->literals, &literals, predictor);
	if (r == 0)
		r = executable_code_events(models, &differences, predictor, NULL, NULL);
	return r < 0 ? r : predictor_prepare(predictor, NULL, NULL);
}

static void render(const Predictor *predictor, size_t size)
{
	static uint8_t whole[UINT16_MAX], part[UINT16_MAX];

	predictor_render(predictor, 0, size, whole);
	for (size_t at = 0, width; at < size; at += width) {
		width = size - at < 997 ? size - at : 997;
		predictor_render(predictor, at, width, part + at);
	}
	if (memcmp(whole, part, size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static KeptModels kept;
	_cleanup_(predictor_done) Predictor predictor = {};
	Input input;

	if (size < HEAD)
		return 0;
	input = split(data, size);
	if (decode(kept_models(&kept), &input, &predictor) == 0)
		render(&predictor, input.target_size);
	return 0;
}
