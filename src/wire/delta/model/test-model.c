/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "wire/delta/model/encoder.h"
#include "wire/delta/model/generic.h"
#include "wire/delta/model/patch.h"
#include "wire/delta/model/varint.h"

static uint32_t next_random(uint32_t *state)
{
	*state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
	return *state >> 8;
}

TEST(coder_brings_back_bits_of_every_probability)
{
	_cleanup_encoder_ Encoder encoder = {};
	uint32_t state = 1;
	Coder decoder;

	encoder_start(&encoder);
	for (int i = 0; i < 50000; i++) {
		uint32_t one = next_random(&state) % (CODER_ONE - 1) + 1;

		coder_bit(&encoder.coder, i % 3 ? one : CODER_ONE - 1,
			next_random(&state) % CODER_ONE < one);
	}
	ASSERT_OK(encoder_finish(&encoder));
	coder_start(&decoder, encoder.bytes.data, encoder.bytes.size);
	state = 1;
	for (int i = 0; i < 50000; i++) {
		uint32_t one = next_random(&state) % (CODER_ONE - 1) + 1;
		unsigned bit = coder_bit(&decoder, i % 3 ? one : CODER_ONE - 1, 0);

		ASSERT_EQ(bit, next_random(&state) % CODER_ONE < one);
	}
	ASSERT(coder_ended(&decoder));
}

TEST(coder_carries_through_a_row_of_full_bytes)
{
	for (int ones = 0; ones < 200; ones++) {
		_cleanup_encoder_ Encoder encoder = {};
		Coder decoder;

		encoder_start(&encoder);
		for (int i = 0; i < 200; i++)
			coder_bit(&encoder.coder, i < ones ? 1 : CODER_HALF, i < ones || i & 1);
		ASSERT_OK(encoder_finish(&encoder));
		coder_start(&decoder, encoder.bytes.data, encoder.bytes.size);
		for (int i = 0; i < 200; i++)
			ASSERT_EQ(coder_bit(&decoder, i < ones ? 1 : CODER_HALF, 0),
				i < ones || i & 1);
		ASSERT(coder_ended(&decoder));
	}
}

TEST(coder_writes_likely_zeros_as_nothing)
{
	static const uint8_t padded[] = {0};
	_cleanup_encoder_ Encoder encoder = {};
	Coder decoder;

	encoder_start(&encoder);
	for (int i = 0; i < 1000; i++)
		coder_bit(&encoder.coder, 1, 0);
	ASSERT_OK(encoder_finish(&encoder));
	ASSERT_EQ(encoder.bytes.size, 0);
	coder_start(&decoder, padded, 1);
	ASSERT(!coder_ended(&decoder));
}

TEST(mixer_tables_are_those_of_the_document)
{
	_cleanup_free_ MixerTables *tables = memory_new(sizeof(*tables));
	uint32_t sum = 0;

	ASSERT(tables != NULL);
	mixer_tables_init(tables);
	for (size_t i = 0; i < ARRAY_SIZE(tables->squash); i++)
		sum = sum * 31 + tables->squash[i];
	for (size_t i = 0; i < ARRAY_SIZE(tables->stretch); i++)
		sum = sum * 31 + (uint32_t)(tables->stretch[i] + 4096);
	for (size_t i = 0; i < ARRAY_SIZE(tables->rates); i++)
		sum = sum * 31 + tables->rates[i];
	ASSERT_EQ(tables->squash[MIXER_STRETCH_MAX], 32768);
	ASSERT_EQ(tables->rates[0], 43690);
	ASSERT_EQ(sum, 1844951828);
}

TEST(varints_have_one_form)
{
	static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, DELTA_SIZE_MAX};
	static const uint8_t longer[] = {0x80, 0x00}, endless[] = {0x80, 0x80};
	const uint8_t *at;
	uint64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		_cleanup_buffer_ Buffer buffer = {};

		ASSERT_OK(varint_append(&buffer, numbers[i]));
		at = buffer.data;
		ASSERT_OK(varint_read(&at, at + buffer.size, DELTA_SIZE_MAX, &number));
		ASSERT_EQ(number, numbers[i]);
		ASSERT(at == buffer.data + buffer.size);
		at = buffer.data;
		if (numbers[i] > 0)
			ASSERT_ERROR(-ERANGE,
				varint_read(&at, at + buffer.size, numbers[i] - 1, &number));
		ASSERT_ERROR(
			-EBADMSG, varint_read(&at, at + buffer.size - 1, DELTA_SIZE_MAX, &number));
	}
	at = longer;
	ASSERT_ERROR(-EBADMSG, varint_read(&at, at + 2, 1000, &number));
	at = endless;
	ASSERT_ERROR(-EBADMSG, varint_read(&at, at + 2, 1000, &number));
}

TEST(numbers_of_every_length_come_back)
{
	_cleanup_free_ MixerTables *tables = memory_new(sizeof(*tables));
	_cleanup_free_ NumberModel *model = memory_new(sizeof(*model));
	_cleanup_encoder_ Encoder encoder = {};
	Coder decoder;

	ASSERT(tables && model);
	mixer_tables_init(tables);
	number_init(model, tables);
	encoder_start(&encoder);
	for (unsigned bits = 0; bits < NUMBER_BITS_MAX; bits++)
		number_code(model, &encoder.coder, bits % NUMBER_CONTEXTS,
			((uint64_t)1 << bits) + bits - (bits > 0));
	ASSERT_OK(encoder_finish(&encoder));
	number_init(model, tables);
	coder_start(&decoder, encoder.bytes.data, encoder.bytes.size);
	for (unsigned bits = 0; bits < NUMBER_BITS_MAX; bits++)
		ASSERT_EQ(number_code(model, &decoder, bits % NUMBER_CONTEXTS, 0),
			((uint64_t)1 << bits) + bits - (bits > 0));
	ASSERT(coder_ended(&decoder));
}

static int write_sample(DeltaSegment *segments, size_t count, uint64_t target, Buffer *out)
{
	DeltaSource source = {.size = 7};
	DeltaPatch patch = {.sources = &source,
		.source_count = 1,
		.target_size = target,
		.segments = segments,
		.segment_count = count};

	return delta_patch_write(&patch, out);
}

static int read_sample(DeltaSegment *segments, size_t count, uint64_t target)
{
	_cleanup_buffer_ Buffer out = {};
	_cleanup_(delta_patch_done) DeltaPatch patch = {};

	ASSERT_OK(write_sample(segments, count, target, &out));
	return delta_patch_read(out.data, out.size, &patch, NULL);
}

TEST(container_refuses_what_does_not_add_up)
{
	DeltaSegment good = {.size = 5, .codec = DELTA_CODEC_GENERIC}, bad;

	ASSERT_OK(read_sample(&good, 1, 5));
	ASSERT_ERROR(-EBADMSG, read_sample(&good, 1, 4));
	ASSERT_ERROR(-EBADMSG, read_sample(&good, 1, 6));
	ASSERT_ERROR(-EBADMSG, read_sample(&good, 0, 5));
	ASSERT_OK(read_sample(&good, 0, 0));
	bad = good;
	bad.size = 0;
	ASSERT_ERROR(-EBADMSG, read_sample(&bad, 1, 0));
	bad = good;
	bad.codec = DELTA_CODEC_INVALID;
	ASSERT_ERROR(-EBADMSG, read_sample(&bad, 1, 5));
	bad = good;
	bad.source = 1;
	ASSERT_ERROR(-EBADMSG, read_sample(&bad, 1, 5));
	bad = good;
	bad.size = DELTA_SIZE_MAX + 1;
	ASSERT_ERROR(-EFBIG, read_sample(&bad, 1, 5));
}

TEST(container_refuses_the_future_and_the_foreign)
{
	DeltaSegment segment = {.size = 5, .codec = DELTA_CODEC_LITERAL};
	_cleanup_buffer_ Buffer out = {};
	DeltaPatch patch;
	Reason reason = {};

	ASSERT_OK(write_sample(&segment, 1, 5, &out));
	out.data[4] = DELTA_VERSION + 1;
	ASSERT_ERROR(-EOPNOTSUPP, delta_patch_read(out.data, out.size, &patch, &reason));
	ASSERT(strstr(reason.text, "update") != NULL);
	out.data[4] = DELTA_VERSION;
	out.data[out.size - 2] = _DELTA_CODEC_MAX;
	ASSERT_ERROR(-EOPNOTSUPP, delta_patch_read(out.data, out.size, &patch, &reason));
	out.data[0] = 'X';
	ASSERT_ERROR(-EBADMSG, delta_patch_read(out.data, out.size, &patch, &reason));
	ASSERT_ERROR(-EBADMSG, delta_patch_read((const uint8_t *)"", 0, &patch, &reason));
}

TEST(container_does_not_believe_counts)
{
	static const uint8_t many[] = {0xd5, 'S', 'U', 'T', 1, 0x80, 0x20};
	static const uint8_t too_many[] = {0xd5, 'S', 'U', 'T', 1, 0x81, 0x20};
	DeltaPatch patch;

	ASSERT_ERROR(-EBADMSG, delta_patch_read(many, sizeof(many), &patch, NULL));
	ASSERT_ERROR(-EFBIG, delta_patch_read(too_many, sizeof(too_many), &patch, NULL));
}

static int read_and_drop(const Buffer *bytes)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};

	return delta_patch_read(bytes->data, bytes->size, &patch, NULL);
}

TEST(container_survives_a_lack_of_memory)
{
	DeltaSegment segment = {.size = 5, .codec = DELTA_CODEC_LITERAL};
	_cleanup_buffer_ Buffer out = {};

	ASSERT_OK(write_sample(&segment, 1, 5, &out));
	TEST_EACH_ALLOCATION(read_and_drop(&out), );
}
