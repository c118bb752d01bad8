/* SPDX-License-Identifier: Apache-2.0 */
/* What applying a patch allocates at most: of patches as they are made, and of patches that ask for
 * all they can. Every allocation of the program is counted, those of the C library too. */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>

#include "base/file.h"
#include "test.h"
#include "wire/delta/apply/apply.h"
#include "wire/delta/create/create.h"
#include "wire/delta/model/encoder.h"
#include "wire/delta/model/executable.h"
#include "wire/delta/model/insertion.h"
#include "wire/delta/model/little.h"

/* ---- counting ---- */

static size_t live, peak;

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
#define SANITIZED 1
#endif

#if !defined(SANITIZED) && defined(__GLIBC__)
#define COUNTS  1
#define PUBLIC  __attribute__((visibility("default")))
#define REAL(f) __libc_##f

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);

static void *count_new(void *new)
{
	live += new ? malloc_usable_size(new) : 0;
	peak = live > peak ? live : peak;
	return new;
}

PUBLIC void *malloc(size_t size)
{
	return count_new(REAL(malloc)(size));
}

PUBLIC void *calloc(size_t count, size_t size)
{
	return count_new(REAL(calloc)(count, size));
}

PUBLIC void free(void *old)
{
	live -= old ? malloc_usable_size(old) : 0;
	REAL(free)(old);
}

/* As if old and new were always there together. */
PUBLIC void *realloc(void *old, size_t size)
{
	size_t before = old ? malloc_usable_size(old) : 0;
	void *new = count_new(REAL(realloc)(old, size));

	live -= new ? before : 0;
	return new;
}
#else
#define COUNTS 0
#endif

/* ---- greedy patches ---- */

typedef struct Content {
	uint8_t *data;
	size_t size;
} Content;

static void content_done(Content *content)
{
	free(content->data);
}
#define _cleanup_content_ _cleanup_(content_done)

/* As many changes of a byte as nearly fill EVENTS_BYTES_MAX. */
#define EVENTS_COUNT ((size_t)1 << 20)

/* What a patch asks for. */
typedef struct Greed {
	size_t blocks, copy; /* so many, of so many bytes each */
	uint64_t old;        /* where the first copies; the others move on by a byte */
	size_t spread;       /* over so many bytes */
	size_t literals, hints, events;
	bool widens; /* every section of the new file is all of it */
	bool names;  /* as many symbols, and as long names, as there may be */
	bool frames; /* the literals are unwind records, for a derived .eh_frame_hdr */
} Greed;

static void take_all(Layout *layout)
{
	for (size_t i = 0; i < layout->old->count; i++) {
		ElfSection *section = &layout->sections[i];

		if (elf_stored(section) == 0)
			continue;
		section->offset = 0;
		section->size = layout->size;
	}
}

static void set_section(Layout *layout, ElfRole role, uint64_t offset, uint64_t size)
{
	ElfSection *section = &layout->sections[layout->old->roles[role] - layout->old->sections];

	section->offset = offset;
	section->size = size;
}

#define RECORD 12 /* bytes of the smallest unwind record that counts */

static void make_frames(Predictor *predictor, uint64_t at)
{
	size_t count = predictor->literal_count / RECORD;

	for (size_t i = 0; i < count; i++) {
		little_write(predictor->literals + i * RECORD, 4, RECORD - 4);
		little_write(predictor->literals + i * RECORD + 4, 4, 1);
	}
	set_section(&predictor->layout, ELF_EH_FRAME, at, count * RECORD);
	set_section(&predictor->layout, ELF_EH_FRAME_HDR, at, 12 + 8 * count);
	predictor->derives_header = true;
}

static void fill_predictor(Predictor *predictor, const Greed *greed)
{
	uint64_t target = 0;

	predictor->blocks = memory_new_array(greed->blocks + 1, sizeof(Block));
	predictor->literals = memory_new(greed->literals);
	predictor->hints = memory_new_array(greed->hints + 1, sizeof(MapPoint));
	predictor->block_count = greed->blocks;
	predictor->literal_count = greed->literals;
	predictor->hint_count = greed->hints;
	for (size_t i = 0; i < greed->blocks; i++) {
		predictor->blocks[i] = (Block){.old = greed->old + i * 3 % greed->spread,
			.target = target,
			.size = greed->copy};
		target += greed->copy;
	}
	for (size_t i = 0; i < greed->hints; i++)
		predictor->hints[i] = (MapPoint){predictor->old.low + 2 * i, i};
	if (greed->widens)
		take_all(&predictor->layout);
	if (greed->names) {
		set_section(&predictor->layout, ELF_DYNSYM, 0, SYMBOLS_MAX * ELF_SYMBOL_SIZE);
		set_section(&predictor->layout, ELF_DYNSTR, 0, SYMBOLS_NAMES_MAX);
	}
	if (greed->frames)
		make_frames(predictor, target);
}

/* The new file is what is predicted, with its first copied bytes changed. */
static int read_changed(void *userdata, uint64_t offset, size_t size, uint8_t *out)
{
	const Content *content = userdata;

	memcpy(out, content->data + offset, size);
	return 0;
}

static void render_changed(Predictor *predictor, size_t events, Content *ret)
{
	ret->size = (size_t)predictor->layout.size;
	ret->data = memory_new(ret->size);
	for (size_t at = 0, size; at < ret->size; at += size) {
		size = ret->size - at < PREDICTOR_RENDER_MAX ? ret->size - at
							     : PREDICTOR_RENDER_MAX;
		predictor_render(predictor, at, size, ret->data + at);
	}
	for (size_t i = 0; i < events; i++)
		ret->data[i] ^= 1;
}

static void encode(Predictor *predictor, const Greed *greed, Buffer *ret)
{
	GenericModels *generic = generic_models_new();
	_cleanup_(executable_models_freep) ExecutableModels *models =
		executable_models_new(generic);
	_cleanup_encoder_ Encoder control = {}, literals = {}, differences = {};
	_cleanup_content_ Content new = {};
	GenericStreams streams;

	ASSERT_OK(predictor_prepare(predictor, NULL, NULL));
	render_changed(predictor, greed->events, &new);
	encoder_start(&control);
	encoder_start(&literals);
	encoder_start(&differences);
	ASSERT_OK(executable_code_plan(models, &control.coder, predictor));
	ASSERT_OK(insertions_code(models->literals, &literals.coder, predictor));
	ASSERT_OK(
		executable_code_events(models, &differences.coder, predictor, read_changed, &new));
	ASSERT_OK(encoder_finish(&control));
	ASSERT_OK(encoder_finish(&literals));
	ASSERT_OK(encoder_finish(&differences));
	streams = (GenericStreams){{control.bytes.data, control.bytes.size},
		{literals.bytes.data, literals.bytes.size},
		{differences.bytes.data, differences.bytes.size}};
	ASSERT_OK(generic_streams_write(&streams, ret));
	generic_models_free(generic);
}

static int refuse(void *userdata, const uint8_t *data, size_t size)
{
	return -ECANCELED; /* everything is allocated by now */
}

/* Bytes that applying allocates at most, beside the old file and the patch. */
static size_t measure(DeltaPatch *patch, DeltaBytes old, int expected)
{
	const DeltaSink sink = {refuse, NULL, NULL};
	size_t before = live;

	peak = live;
	ASSERT_ERROR(expected, delta_apply_bytes(patch, &old, 1, &sink, NULL));
	return peak - before;
}

static size_t measure_greed(const Content *file, const Greed *greed)
{
	_cleanup_(predictor_done) Predictor predictor = {};
	_cleanup_buffer_ Buffer payload = {};
	DeltaBytes old = {file->data, file->size};
	uint64_t size = greed->blocks * greed->copy + greed->literals;
	DeltaSource source = {.size = old.size};
	Digest digest;
	DeltaSegment segment = {.size = size, .codec = DELTA_CODEC_EXECUTABLE};
	DeltaPatch patch = {.sources = &source,
		.source_count = 1,
		.target_size = size,
		.segments = &segment,
		.segment_count = 1};

	ASSERT_OK(digest_of(old.data, old.size, &digest));
	memcpy(source.digest, digest.bytes, sizeof(source.digest));
	ASSERT_OK(predictor_init(&predictor, old, size));
	fill_predictor(&predictor, greed);
	encode(&predictor, greed, &payload);
	predictor_done(&predictor);
	segment.payload = payload.data;
	segment.payload_size = payload.size;
	return measure(&patch, old, -ECANCELED);
}

/* ---- old files ---- */

static void read_library(Content *ret)
{
	ASSERT_OK(file_read(AT_FDCWD, TEST_SOURCE_ROOT "/fuzz/corpus/elf/valid-library",
		(size_t)1 << 20, &ret->data, &ret->size));
}

#define MANY        250
#define SECTIONS_AT 64
#define BYTES_AT    (SECTIONS_AT + (MANY + 1) * ELF_SECTION_SIZE)

/* A file with as many sections as there may be, of two bytes each. */
static void make_many_sections(Content *ret)
{
	uint8_t *header, *entry;

	ret->size = BYTES_AT + 2 * MANY;
	ret->data = header = memory_new(ret->size);
	memcpy(header, "\177ELF\2\1\1", 7);
	little_write(header + 16, 2, 3);
	little_write(header + 18, 2, 62);
	little_write(header + 32, 8, ELF_HEADER_SIZE);
	little_write(header + 40, 8, SECTIONS_AT);
	little_write(header + 54, 2, ELF_PROGRAM_SIZE);
	little_write(header + 58, 2, ELF_SECTION_SIZE);
	little_write(header + 60, 2, MANY + 1);
	for (size_t i = 0; i < MANY; i++) {
		entry = header + SECTIONS_AT + (i + 1) * ELF_SECTION_SIZE;
		little_write(entry + 4, 4, 1); /* PROGBITS, SHF_ALLOC */
		little_write(entry + 8, 8, 2);
		little_write(entry + 16, 8, 0x1000 + 2 * i);
		little_write(entry + 24, 8, BYTES_AT + 2 * i);
		little_write(entry + 32, 8, 2);
	}
}

/* Literals and events are coded slowly and kept byte by byte: a share of them is made, the rest is
 * added; a buffer grows to twice its content. */
#define SHARE 16

static void check_greed(const char *what, const Content *file, Greed greed)
{
	size_t rest = greed.literals / SHARE * (SHARE - 1), used;

	if (greed.events > 0)
		rest += 2 * (EVENTS_BYTES_MAX / SHARE * (SHARE - 1));
	greed.literals /= SHARE;
	greed.events /= SHARE;
	used = measure_greed(file, &greed) + rest;
	printf("# %s: %.1f MiB\n", what, (double)used / (1 << 20));
	ASSERT(used <= DELTA_APPLY_HOSTILE_MAX);
}

TEST(patches_that_ask_for_all_they_can_stay_within_the_bound)
{
	_cleanup_content_ Content library = {}, many = {};
	const size_t blocks = EXECUTABLE_BLOCKS_MAX, literals = EXECUTABLE_LITERALS_MAX;
	const size_t hints = EXECUTABLE_HINTS_MAX, events = EVENTS_COUNT;

	if (!COUNTS)
		test_skip("allocations cannot be counted here");
	read_library(&library);
	make_many_sections(&many);
	check_greed("copies", &library,
		(Greed){.blocks = blocks, .copy = 1, .old = 0x5b0, .spread = 200});
	check_greed("copies over several sections", &library,
		(Greed){.blocks = blocks, .copy = 90, .old = 0x810, .spread = 8, .widens = true});
	check_greed("changes", &library,
		(Greed){.blocks = events / SHARE / 64 + 1,
			.copy = 64,
			.old = 0x5b0,
			.spread = 64,
			.events = events});
	check_greed("all of it", &library,
		(Greed){.blocks = blocks,
			.copy = 90,
			.old = 0x810,
			.spread = 8,
			.literals = literals,
			.hints = hints,
			.events = events,
			.widens = true,
			.names = true,
			.frames = true});
	check_greed("copies over many sections", &many,
		(Greed){.blocks = blocks / 16,
			.copy = 2 * MANY - 4,
			.old = BYTES_AT,
			.spread = 4,
			.hints = hints,
			.widens = true});
}

static void check_pair(const Content *old, const Content *new)
{
	_cleanup_(delta_patch_done) DeltaPatch patch = {};
	_cleanup_buffer_ Buffer bytes = {};
	DeltaBytes source = {old->data, old->size};
	size_t used;

	ASSERT_OK(delta_create(&source, 1, new->data, new->size, NULL, 0, &bytes, NULL));
	ASSERT_OK(delta_patch_read(bytes.data, bytes.size, &patch, NULL));
	used = measure(&patch, source, -ECANCELED);
	printf("# a good patch: %.1f MiB\n", (double)used / (1 << 20));
	ASSERT(used <= DELTA_APPLY_MEMORY_MAX);
}

TEST(good_patches_stay_within_what_is_promised)
{
	_cleanup_content_ Content old = {}, new = {};

	if (!COUNTS)
		test_skip("allocations cannot be counted here");
	read_library(&new);
	ASSERT_OK(file_read(AT_FDCWD, TEST_SOURCE_ROOT "/tests/vectors/delta/executable-old.elf",
		(size_t)1 << 20, &old.data, &old.size));
	check_pair(&old, &new);
	check_pair(&new, &new);
	new.size = 700; /* the generic codec */
	check_pair(&old, &new);
}
