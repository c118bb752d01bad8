/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/apply/output.h"

#include <errno.h>
#include <string.h>

int output_init(Output *output, const DeltaSink *sink, uint64_t total)
{
	*output = (Output){.sink = sink, .total = total};
	output->bytes = memory_new(OUTPUT_TAIL + OUTPUT_WINDOW);
	output->digest = digest_stream_new();
	return output->bytes && output->digest ? 0 : -ENOMEM;
}

void output_done(Output *output)
{
	memory_free(output->bytes);
	digest_stream_free(output->digest);
}

static int pass_on(Output *output)
{
	const DeltaSink *sink = output->sink;
	uint8_t *window = output->bytes + OUTPUT_TAIL;
	int r;

	if (output->filled == 0)
		return 0;
	r = digest_stream_update(output->digest, window, output->filled);
	if (r == 0)
		r = sink->write(sink->userdata, window, output->filled);
	if (r < 0)
		return r;
	output->passed += output->filled;
	memmove(output->bytes, output->bytes + output->filled, OUTPUT_TAIL);
	output->filled = 0;
	return sink->progress ? sink->progress(sink->userdata, output->passed, output->total) : 0;
}

int output_room(Output *output, size_t size, uint8_t **ret_room)
{
	if (size > OUTPUT_WINDOW - output->filled) {
		int r = pass_on(output);

		if (r < 0)
			return r;
	}
	*ret_room = output->bytes + OUTPUT_TAIL + output->filled;
	return 0;
}

void output_add(Output *output, size_t size)
{
	output->filled += size;
}

const uint8_t *output_tail(const Output *output, size_t size)
{
	return output->bytes + OUTPUT_TAIL + output->filled - size;
}

int output_finish(Output *output, const uint8_t *expected)
{
	Digest digest;
	int r = pass_on(output);

	if (r == 0)
		r = digest_stream_final(output->digest, &digest);
	if (r < 0)
		return r;
	return memcmp(digest.bytes, expected, DELTA_TARGET_DIGEST) == 0 ? 0 : -EKEYREJECTED;
}
