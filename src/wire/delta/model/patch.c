/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/patch.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/varint.h"

/* The first byte is no text, so that a transfer in text mode shows at once. */
static const uint8_t magic[] = {0xd5, 'S', 'U', 'T'};

#define SOURCE_SIZE_MIN  (1 + DELTA_SOURCE_DIGEST)
#define SEGMENT_SIZE_MIN 3

static const struct {
	const char *name;
	bool has_source;
} codecs[_DELTA_CODEC_MAX] = {
	[DELTA_CODEC_INVALID] = {"invalid", false},
	[DELTA_CODEC_LITERAL] = {"literal", false},
	[DELTA_CODEC_GENERIC] = {"generic", true},
	[DELTA_CODEC_EXECUTABLE] = {"executable", true},
};

bool delta_codec_has_source(DeltaCodec codec)
{
	return codecs[codec].has_source;
}

const char *delta_codec_name(DeltaCodec codec)
{
	return codecs[codec].name;
}

int delta_digest(const uint8_t *data, size_t size, uint8_t *ret, size_t ret_size)
{
	Digest digest;
	int r = digest_of(data, size, &digest);

	if (r == 0)
		memcpy(ret, digest.bytes, ret_size);
	return r;
}

typedef struct Reader {
	const uint8_t *at, *end;
	Reason *reason;
} Reader;

static int malformed(const Reader *reader, const char *what)
{
	return reason_set(reader->reason, -EBADMSG, "the patch is damaged: %s", what);
}

static int read_number(Reader *reader, uint64_t max, const char *what, uint64_t *ret)
{
	int r = varint_read(&reader->at, reader->end, max, ret);

	if (r == -ERANGE)
		return reason_set(reader->reason, -EFBIG,
			"the patch has a %s above the limit of %llu", what,
			(unsigned long long)max);
	return r < 0 ? malformed(reader, what) : 0;
}

/* A count of things of at least `least` bytes each, which the rest of the patch could hold. */
static int read_count(Reader *reader, size_t max, size_t least, const char *what, size_t *ret)
{
	uint64_t count = 0;
	int r = read_number(reader, max, what, &count);

	if (r < 0)
		return r;
	if (count > (size_t)(reader->end - reader->at) / least)
		return malformed(reader, what);
	*ret = (size_t)count;
	return 0;
}

static int read_digest(Reader *reader, uint8_t *ret, size_t size)
{
	if ((size_t)(reader->end - reader->at) < size)
		return malformed(reader, "it ends inside a digest");
	memcpy(ret, reader->at, size);
	reader->at += size;
	return 0;
}

static int read_start(Reader *reader)
{
	if ((size_t)(reader->end - reader->at) < sizeof(magic) + 1 ||
		memcmp(reader->at, magic, sizeof(magic)) != 0)
		return reason_set(reader->reason, -EBADMSG, "this is not a Suture delta");
	reader->at += sizeof(magic);
	if (*reader->at != DELTA_VERSION)
		return reason_set(reader->reason, -EOPNOTSUPP,
			"the patch has format version %u, this program knows %u; update it first",
			*reader->at, DELTA_VERSION);
	reader->at++;
	return 0;
}

static int read_sources(Reader *reader, DeltaPatch *patch)
{
	size_t count = 0;
	int r = read_count(reader, DELTA_SOURCES_MAX, SOURCE_SIZE_MIN, "number of sources", &count);

	if (r < 0)
		return r;
	patch->sources = memory_new_array(count, sizeof(DeltaSource));
	if (!patch->sources)
		return -ENOMEM;
	for (; patch->source_count < count; patch->source_count++) {
		DeltaSource *source = &patch->sources[patch->source_count];

		r = read_number(reader, DELTA_SIZE_MAX, "size of a source", &source->size);
		if (r == 0)
			r = read_digest(reader, source->digest, sizeof(source->digest));
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_codec(Reader *reader, DeltaSegment *ret_segment)
{
	uint8_t codec;

	if (reader->at == reader->end)
		return malformed(reader, "it ends inside the list of segments");
	codec = *reader->at++;
	if (codec == DELTA_CODEC_INVALID)
		return malformed(reader, "a segment has no codec");
	if (codec >= _DELTA_CODEC_MAX)
		return reason_set(reader->reason, -EOPNOTSUPP,
			"the patch uses codec %u, which this program does not know; update it "
			"first",
			codec);
	ret_segment->codec = codec;
	return 0;
}

static int read_segment(Reader *reader, const DeltaPatch *patch, DeltaSegment *segment)
{
	uint64_t source = 0, payload = 0;
	int r = read_number(reader, DELTA_SIZE_MAX, "size of a segment", &segment->size);

	if (r == 0 && segment->size == 0)
		return malformed(reader, "a segment is empty");
	if (r == 0)
		r = read_codec(reader, segment);
	if (r == 0 && delta_codec_has_source(segment->codec)) {
		r = read_number(reader, DELTA_SOURCES_MAX, "source of a segment", &source);
		if (r == 0 && source >= patch->source_count)
			return malformed(reader, "a segment names a source that is not there");
	}
	if (r == 0)
		r = read_number(reader, DELTA_PATCH_MAX, "size of a payload", &payload);
	if (r < 0)
		return r;
	segment->source = (size_t)source;
	segment->payload_size = (size_t)payload;
	return 0;
}

static int count_executable(Reader *reader, const DeltaPatch *patch, const DeltaSegment *segment)
{
	if (segment->codec != DELTA_CODEC_EXECUTABLE)
		return 0;
	if (patch->sources[segment->source].executables++ < DELTA_EXECUTABLES_MAX)
		return 0;
	return reason_set(reader->reason, -EFBIG, "more than %d segments read all of source %zu",
		DELTA_EXECUTABLES_MAX, segment->source);
}

static int read_segments(Reader *reader, DeltaPatch *patch)
{
	uint64_t total = 0;
	size_t count = 0;
	int r = read_count(
		reader, DELTA_SEGMENTS_MAX, SEGMENT_SIZE_MIN, "number of segments", &count);

	if (r < 0)
		return r;
	patch->segments = memory_new_array(count, sizeof(DeltaSegment));
	if (!patch->segments)
		return -ENOMEM;
	for (; patch->segment_count < count; patch->segment_count++) {
		DeltaSegment *segment = &patch->segments[patch->segment_count];

		r = read_segment(reader, patch, segment);
		if (r == 0)
			r = count_executable(reader, patch, segment);
		if (r < 0)
			return r;
		if (segment->size > patch->target_size - total)
			return malformed(reader, "the segments are larger than the target");
		total += segment->size;
	}
	return total == patch->target_size
		? 0
		: malformed(reader, "the segments are smaller than the target");
}

static int find_payloads(Reader *reader, DeltaPatch *patch)
{
	for (size_t i = 0; i < patch->segment_count; i++) {
		DeltaSegment *segment = &patch->segments[i];

		if (segment->payload_size > (size_t)(reader->end - reader->at))
			return malformed(reader, "it is cut short");
		segment->payload = reader->at;
		reader->at += segment->payload_size;
	}
	return reader->at == reader->end ? 0 : malformed(reader, "bytes stand behind its end");
}

int delta_patch_read(const uint8_t *data, size_t size, DeltaPatch *ret_patch, Reason *reterr_reason)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	Reader reader = {.at = data, .end = data + size, .reason = reterr_reason};
	int r;

	if (size > DELTA_PATCH_MAX)
		return reason_set(reterr_reason, -EFBIG, "the patch is larger than %zu bytes",
			DELTA_PATCH_MAX);
	r = read_start(&reader);
	if (r == 0)
		r = read_sources(&reader, &patch);
	if (r == 0)
		r = read_number(&reader, DELTA_SIZE_MAX, "size of the target", &patch.target_size);
	if (r == 0)
		r = read_digest(&reader, patch.target, sizeof(patch.target));
	if (r == 0)
		r = read_segments(&reader, &patch);
	if (r == 0)
		r = find_payloads(&reader, &patch);
	if (r < 0)
		return r;
	*ret_patch = patch;
	patch = (DeltaPatch){};
	return 0;
}

void delta_patch_done(DeltaPatch *patch)
{
	memory_free(patch->sources);
	memory_free(patch->segments);
	*patch = (DeltaPatch){};
}

static int write_file(uint64_t size, const uint8_t *digest, size_t digest_size, Buffer *out)
{
	int r = varint_append(out, size);

	return r < 0 ? r : buffer_append(out, digest, digest_size);
}

static int write_segment(const DeltaSegment *segment, Buffer *out)
{
	uint8_t codec = (uint8_t)segment->codec;
	int r = varint_append(out, segment->size);

	if (r == 0)
		r = buffer_append(out, &codec, 1);
	if (r == 0 && delta_codec_has_source(segment->codec))
		r = varint_append(out, segment->source);
	return r < 0 ? r : varint_append(out, segment->payload_size);
}

static int write_head(const DeltaPatch *patch, Buffer *out)
{
	static const uint8_t version = DELTA_VERSION;
	int r = buffer_append(out, magic, sizeof(magic));

	if (r == 0)
		r = buffer_append(out, &version, 1);
	if (r == 0)
		r = varint_append(out, patch->source_count);
	for (size_t i = 0; i < patch->source_count && r == 0; i++)
		r = write_file(
			patch->sources[i].size, patch->sources[i].digest, DELTA_SOURCE_DIGEST, out);
	if (r < 0)
		return r;
	return write_file(patch->target_size, patch->target, DELTA_TARGET_DIGEST, out);
}

int delta_patch_write(const DeltaPatch *patch, Buffer *out)
{
	int r = write_head(patch, out);

	if (r == 0)
		r = varint_append(out, patch->segment_count);
	for (size_t i = 0; i < patch->segment_count && r == 0; i++)
		r = write_segment(&patch->segments[i], out);
	for (size_t i = 0; i < patch->segment_count && r == 0; i++)
		r = buffer_append(out, patch->segments[i].payload, patch->segments[i].payload_size);
	return r;
}
