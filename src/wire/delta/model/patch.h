/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Patch: the container. It names the old files ("sources") and the new one ("target") by size and
 * digest, and lists the segments whose targets, one behind the other, are the target. How a
 * segment's payload makes its part is its codec's matter, so codecs can be added and mixed.
 *
 *     _cleanup_(delta_patch_done) DeltaPatch patch = {};
 *     r = delta_patch_read(bytes, size, &patch, &reason);
 *
 * Reading allocates two arrays, never larger than the patch times a small constant, and touches no
 * file. Payloads point into the bytes, which must outlive the patch. Normative description:
 * doc/format/delta.md.
 */
#include "base/buffer.h"
#include "base/reason.h"
#include "crypto/digest.h"

#define DELTA_VERSION         1
#define DELTA_PATCH_MAX       ((size_t)1 << 30) /* a patch is held in memory, also on 32 bits */
#define DELTA_SOURCES_MAX     4096              /* files of a component, each open while applying */
#define DELTA_SEGMENTS_MAX    65536             /* a file and a gap for each of 32768 files */
#define DELTA_EXECUTABLES_MAX 16                /* of one source: each reads all of it */
#define DELTA_SIZE_MAX        (((uint64_t)1 << 40) - 1) /* numbers inside a codec have 40 bits */

/* Bytes that a patch has of a file's SHA-256. They tell a wrong or damaged file from the right one;
 * who could forge a patch could forge any digest in it, so what is trusted is signed with a digest
 * of its own. */
#define DELTA_SOURCE_DIGEST                                                                        \
	8 /* finds the wrong file before the work; the target is compared yet                      \
	   */
#define DELTA_TARGET_DIGEST 16

typedef enum DeltaCodec {
	DELTA_CODEC_INVALID,    /* so that zeroed bytes are no patch */
	DELTA_CODEC_LITERAL,    /* no source */
	DELTA_CODEC_GENERIC,    /* any bytes from one source */
	DELTA_CODEC_EXECUTABLE, /* x86-64 and AArch64 ELF files from such a one */
	_DELTA_CODEC_MAX,
} DeltaCodec;

typedef struct DeltaSource {
	uint64_t size;
	uint8_t digest[DELTA_SOURCE_DIGEST];
	unsigned executables; /* segments under the codec "executable" */
} DeltaSource;

typedef struct DeltaSegment {
	uint64_t size; /* of its part of the target, at least 1 */
	DeltaCodec codec;
	size_t source; /* 0 where the codec has none */
	const uint8_t *payload;
	size_t payload_size;
} DeltaSegment;

typedef struct DeltaPatch {
	DeltaSource *sources;
	size_t source_count;
	uint64_t target_size;
	uint8_t target[DELTA_TARGET_DIGEST];
	DeltaSegment *segments;
	size_t segment_count;
} DeltaPatch;

/* Errors: -EBADMSG (not a patch, cut short, damaged), -EOPNOTSUPP (a version or codec that only a
 * newer reader knows), -EFBIG (a limit above), -ENOMEM. */
int delta_patch_read(
	const uint8_t *data, size_t size, DeltaPatch *ret_patch, Reason *reterr_reason);
void delta_patch_done(DeltaPatch *patch);

/* Appends the patch to `out`. The caller keeps the limits. 0 or -ENOMEM. */
int delta_patch_write(const DeltaPatch *patch, Buffer *out);

/* The first `ret_size` bytes of the SHA-256. 0, or what digest_of() says. */
int delta_digest(const uint8_t *data, size_t size, uint8_t *ret, size_t ret_size);

bool delta_codec_has_source(DeltaCodec codec);
const char *delta_codec_name(DeltaCodec codec);
