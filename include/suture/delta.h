/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Suture's delta engine, for other programs: small patches between two versions of a file.
 *
 *     making           suture_delta_create()
 *     looking into     suture_delta_patch_open(), _info(), _source(), _segment(), _free()
 *     applying         suture_delta_patch_open(), suture_delta_apply(), suture_delta_patch_free()
 *
 * Link with `pkg-config --libs suture-delta`. An example is examples/embed/embed.c; the patch
 * format is doc/format/delta.md. A patch is made from "sources" (old files) and makes a "target".
 *
 * A patch says nothing of who made it. Verify the patch's own bytes first, by a signature or by a
 * digest that is signed. Damaged or hostile bytes give an error and never more memory or time than
 * said below; but what a stranger's patch makes is what the stranger wanted.
 *
 * Results. `int` calls return 0, or a negative errno:
 *     -EINVAL         an argument is missing or cannot be, a plan cannot be, a struct's `size` is
 *                     unknown, or there are not as many sources as the patch has
 *     -EBADMSG        the bytes are no patch, or it is cut short or damaged
 *     -EOPNOTSUPP     the patch has a version or codec that only a newer library knows
 *     -EFBIG          a limit below, or target_max
 *     -ESTALE         a source is not the file that the patch was made from: get the whole file
 *     -EKEYREJECTED   what came out is not the target
 *     -ECANCELED      `progress` said so
 *     -ENOMEM         an allocation failed
 *     -EIO            libcrypto failed, or `write` returned a positive number
 *     what `write` returned below 0
 * Results named ret_ are written on success only. The library prints nothing, opens no
 * file (libcrypto reads its configuration when a process first uses it), keeps no state between
 * calls and starts no thread.
 *
 * Threads. Any number of calls may run at once. A suture_delta_patch is not changed by anything but
 * its _free(), so several threads may use one. Callbacks run in the thread of the call; they may
 * call the library, and must return: no longjmp() and no C++ exception may cross it.
 *
 * Memory. All comes from `allocate` but this: libdivsufsort takes 257 KiB from malloc() while it
 * sorts; qsort() of the C library as much as what it sorts has, at most some MiB (it sorts without
 * when that fails); libcrypto some hundred bytes in a call, and 100 KiB when a process first uses
 * it. Beside what the caller holds:
 *
 * patch_open: at most 14 bytes for each byte of the patch, and 4 MiB.
 *
 * apply: 7 to 13 MiB in real updates. Whatever a patch says, at most 40 MiB, a fiftieth of the
 * largest source and a few times the size of a source's tables of relocations.
 *
 * create: 4 bytes for each byte of the largest source, the patch up to seven times, and in real
 * updates at most 32 MiB and 3 bytes for each byte of the target.
 *
 * Whoever needs a hard limit returns NULL from `allocate`; the call then frees everything and gives
 * -ENOMEM.
 *
 * Time, measured on one core. Applying: 0.9 s for each MiB of literals (what no source has), 0.1 s
 * for each MiB of copies with differences, 0.01 s for each MiB of other copies; for each segment
 * under the codec "executable" also a walk over its source, about 0.01 s for each MiB; at most 16
 * such segments have the same source. Creating: 0.2 to 3 s for each MiB.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SUTURE_DELTA_PUBLIC __attribute__((visibility("default")))
#else
#define SUTURE_DELTA_PUBLIC
#endif

#define SUTURE_DELTA_PATCH_MAX    0x40000000 /* bytes */
#define SUTURE_DELTA_CREATE_MAX   0x7ffffffe /* bytes of a source or target when a patch is made */
#define SUTURE_DELTA_SOURCES_MAX  4096
#define SUTURE_DELTA_SEGMENTS_MAX 65536

/* The library's version, such as "0.1.0". Static. */
SUTURE_DELTA_PUBLIC const char *suture_delta_version(void);

/* One sentence, without a full stop, for a result above; for any other errno a general one. Static,
 * never NULL. `error` in the options says more. */
SUTURE_DELTA_PUBLIC const char *suture_delta_error_text(int result);

#define SUTURE_DELTA_ERROR_SIZE 512

/* What all calls have in common. NULL is allowed, and so is all zero but `size`. Later versions may
 * add members at the end: a library takes the structs of older callers, and those of newer ones
 * where what it does not know is zero. The struct and what it points to need live as long as the
 * call. */
typedef struct suture_delta_options {
	size_t size; /* sizeof(suture_delta_options), always */

	/* Memory, aligned as malloc() does; NULL when it is short. Both or neither. `size` is never
	 * 0, `memory` never NULL. Neither: malloc() and free(). */
	void *(*allocate)(void *userdata, size_t size);
	void (*release)(void *userdata, void *memory);

	/* May be NULL. Other than 0 cancels. Both in bytes of the target. Applying tells what was
	 * passed on, after each piece. Creating tells how much of the work is done, between phases:
	 * up to four for each segment, the longest about half of its time. */
	int (*progress)(void *userdata, uint64_t done, uint64_t total);

	void *userdata; /* of the three */

	/* May be NULL. Where a call fails: why, in one line for a person, without control
	 * characters, terminated and cut to error_size. SUTURE_DELTA_ERROR_SIZE is enough for every
	 * text. */
	char *error;
	size_t error_size;
} suture_delta_options;

/* Bytes of the caller's, only read, and still while a call runs. Map files of any size, read-only:
 * a mapped file that shrinks meanwhile ends the process with SIGBUS. `data` may be NULL for size 0.
 */
typedef struct suture_delta_bytes {
	const void *data;
	size_t size;
} suture_delta_bytes;

/* Takes the next `size` bytes of what a call makes, at least 1. Other than 0 ends the call: a
 * negative errno is its result, a positive number -EIO. */
typedef int (*suture_delta_write)(void *userdata, const void *data, size_t size);

/* ---- making ---- */

/* Which source a part of the target is made from. */
typedef struct suture_delta_range {
	uint64_t offset; /* in the target */
	uint64_t size;
	size_t source;
} suture_delta_range;

/* Makes the patch that turns the sources into the target, and writes it when all of it is there.
 * The same input gives the same bytes, on every machine.
 *
 * The ranges of the plan stand in rising order and do not overlap; what they leave out is made from
 * nothing. Without a plan (NULL) the target is made from the one source there is, or from none.
 *
 * Apply a patch to its sources once before it leaves the machine: a defect of this library, or of
 * the memory it ran in, is then yours and not that of all who get it. */
SUTURE_DELTA_PUBLIC int suture_delta_create(const suture_delta_bytes *sources, size_t n_sources,
	suture_delta_bytes target, const suture_delta_range *plan, size_t n_plan,
	suture_delta_write write, void *write_userdata, const suture_delta_options *options);

/* ---- looking into ---- */

typedef struct suture_delta_patch suture_delta_patch;

/* Reads what a patch says of itself, all but its payloads. The patch is given as bytes, not by a
 * callback: it is small, its parts are read side by side, and all of it has to be there before it
 * can be verified. The bytes must stay until _free(), and so must the allocator of the options. */
SUTURE_DELTA_PUBLIC int suture_delta_patch_open(const void *data, size_t size,
	const suture_delta_options *options, suture_delta_patch **ret_patch);

/* NULL is allowed. */
SUTURE_DELTA_PUBLIC void suture_delta_patch_free(suture_delta_patch *patch);

/* A patch knows a file by its size and by how its SHA-256 begins: 8 bytes of a source's, 16 of the
 * target's. That finds mistakes; where trust is needed, sign a whole digest beside the patch. */
typedef struct suture_delta_file {
	uint64_t size;
	size_t sha256_size; /* bytes that are known */
	uint8_t sha256[16]; /* the rest is 0 */
} suture_delta_file;

typedef struct suture_delta_info {
	size_t size; /* sizeof(suture_delta_info), set by the caller; grows as the options do */
	uint32_t format;
	uint32_t codecs; /* bit 1 << codec for each that applying needs */
	suture_delta_file target;
	size_t source_count, segment_count;

	/* Where the patch's bytes go; their sum is its size. */
	uint64_t header;      /* digests, sizes, segments */
	uint64_t control;     /* what is copied from where */
	uint64_t literals;    /* bytes that no source has */
	uint64_t differences; /* what is different in copies */
} suture_delta_info;

/* -EBADMSG where a payload does not say where its bytes go. */
SUTURE_DELTA_PUBLIC int suture_delta_patch_info(
	const suture_delta_patch *patch, suture_delta_info *info);

/* The number-th source, from 0; -EINVAL: there is none. */
SUTURE_DELTA_PUBLIC int suture_delta_patch_source(
	const suture_delta_patch *patch, size_t number, suture_delta_file *ret_file);

enum {
	SUTURE_DELTA_LITERAL = 1,    /* made from nothing */
	SUTURE_DELTA_GENERIC = 2,    /* any bytes from one source */
	SUTURE_DELTA_EXECUTABLE = 3, /* an ELF file from another one */
};

/* "literal", "generic", "executable"; NULL: not known. Static. */
SUTURE_DELTA_PUBLIC const char *suture_delta_codec_name(int codec);

/* A part of the target. The segments, one behind the other, are the target. */
typedef struct suture_delta_segment {
	uint64_t size;
	uint64_t payload; /* bytes of the patch */
	size_t source;    /* SIZE_MAX: none */
	int codec;
} suture_delta_segment;

SUTURE_DELTA_PUBLIC int suture_delta_patch_segment(
	const suture_delta_patch *patch, size_t number, suture_delta_segment *ret_segment);

/* ---- applying ---- */

/* Makes the target, in order, in pieces of at most 64 KiB. The sources stand in the patch's order
 * and are compared with it by size and SHA-256 before anything is written; at the end the target's
 * SHA-256 is compared. What was written before an error is worthless: write beside the place, sync,
 * and rename after 0.
 *
 * A patch of few bytes may name a target of 1 TiB. target_max is the size that the caller expects;
 * a patch that makes more is refused at once (-EFBIG). */
SUTURE_DELTA_PUBLIC int suture_delta_apply(const suture_delta_patch *patch,
	const suture_delta_bytes *sources, size_t n_sources, uint64_t target_max,
	suture_delta_write write, void *write_userdata, const suture_delta_options *options);

#ifdef __cplusplus
}
#endif
