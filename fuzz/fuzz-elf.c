/* SPDX-License-Identifier: Apache-2.0 */
/* Reading hostile bytes as an executable: its references are in order, inside their sections, and
 * the same whatever window is asked for. */
#include <errno.h>
#include <string.h>

#include "wire/delta/model/predictor.h"
#include "wire/delta/model/unwind.h"

#define FILE_MAX       ((size_t)1 << 16) /* keeps a run short */
#define REFERENCES_MAX FILE_MAX

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct List {
	Reference items[REFERENCES_MAX];
	size_t count;
	const ElfSection *section;
} List;

static void demand(bool condition)
{
	if (!condition)
		abort();
}

/* By rising offset, without overlaps, inside the section. */
static void add(void *userdata, const Reference *reference)
{
	List *list = userdata;
	const Reference *last = list->count > 0 ? &list->items[list->count - 1] : NULL;
	uint64_t start = last ? last->offset + reference_size(last->kind) : list->section->offset;

	demand(reference->offset >= start);
	demand(reference->offset + reference_size(reference->kind) <=
		list->section->offset + list->section->size);
	demand(list->count < REFERENCES_MAX);
	list->items[list->count++] = *reference;
}

static void check_windows(
	const Finder *finder, const ElfSection *section, const List *whole, uint64_t width)
{
	static List parts;
	uint64_t at = section->offset, end = section->offset + section->size;

	parts.count = 0;
	parts.section = section;
	for (; at < end; at += width)
		finder_visit(finder, section, at, at + width < end ? at + width : end, add, &parts);
	demand(parts.count == whole->count);
	for (size_t i = 0; i < parts.count; i++)
		demand(parts.items[i].offset == whole->items[i].offset &&
			parts.items[i].kind == whole->items[i].kind &&
			parts.items[i].base == whole->items[i].base &&
			parts.items[i].target == whole->items[i].target);
}

static void check_section(const Finder *finder, const ElfSection *section)
{
	static const uint64_t widths[] = {1, 5, 8, 24, 61, 1024};
	static List whole;

	if (elf_stored(section) == 0)
		return;
	whole.count = 0;
	whole.section = section;
	finder_visit(
		finder, section, section->offset, section->offset + section->size, add, &whole);
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		check_windows(finder, section, &whole, widths[i]);
}

static int read_bytes(void *userdata, uint64_t offset, size_t size, uint8_t *out)
{
	const DeltaBytes *bytes = userdata;

	demand(offset <= bytes->size && size <= bytes->size - offset);
	memcpy(out, bytes->data + offset, size);
	return 0;
}

/* Every section and every byte between is found where it is. */
static void check_lookups(const ElfImage *image)
{
	for (size_t i = 0; i < image->count; i++) {
		const ElfSection *section = &image->sections[i];

		if (elf_stored(section) > 0) {
			demand(elf_at_offset(image, section->offset) == section);
			demand(elf_at_offset(image, section->offset + section->size - 1) ==
				section);
		}
		if (section->loaded) {
			demand(elf_at_address(image, section->address) == section);
			demand(elf_at_address(image, section->address + section->size - 1) ==
				section);
		}
	}
}

/* The file as its own successor, whatever window of it is rendered. */
static void check_rendering(Predictor *predictor, DeltaBytes *bytes)
{
	static uint8_t whole[FILE_MAX], part[FILE_MAX];
	Block block = {.size = bytes->size};

	predictor->blocks = memory_copy(&block, sizeof(block));
	demand(predictor->blocks != NULL);
	predictor->block_count = 1;
	if (predictor_derive_header(predictor, read_bytes, bytes) == 0)
		predictor->derives_header = true;
	if (predictor_derive_link(predictor, read_bytes, bytes) == 0)
		predictor->derives_link = true;
	predictor_reset(predictor);
	if (predictor_prepare(predictor, NULL, NULL) < 0)
		return;
	predictor_render(predictor, 0, bytes->size, whole);
	for (size_t at = 0, width; at < bytes->size; at += width) {
		width = bytes->size - at < 37 ? bytes->size - at : 37;
		predictor_render(predictor, at, width, part + at);
	}
	demand(memcmp(whole, part, bytes->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DeltaBytes bytes = {data, size};
	_cleanup_(predictor_done) Predictor predictor = {};

	if (size == 0 || size >= FILE_MAX)
		return 0;
	demand(predictor_init(&predictor, bytes, size) == 0);
	check_lookups(&predictor.old);
	for (size_t i = 0; i < predictor.old.count; i++)
		check_section(&predictor.finder, &predictor.old.sections[i]);
	check_rendering(&predictor, &bytes);
	return 0;
}
