/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/delta/model/layout.h"

#include <errno.h>
#include <string.h>

#include "wire/delta/model/zigzag.h"

#define PAGE 4096
/* Contexts of the numbers. */
enum { SIZES, OFFSETS, ADDRESSES };

void layout_model_init(LayoutModel *model, const MixerTables *tables)
{
	number_init(&model->numbers, tables);
}

int layout_init(Layout *layout, const ElfImage *old, uint64_t size)
{
	*layout = (Layout){.old = old, .size = size};
	layout->sections = memory_new_array(old->count, sizeof(ElfSection));
	if (!layout->sections)
		return -ENOMEM;
	if (old->count > 0)
		memcpy(layout->sections, old->sections, old->count * sizeof(ElfSection));
	return 0;
}

void layout_done(Layout *layout)
{
	memory_free(layout->sections);
	*layout = (Layout){};
}

static uint64_t align_up(uint64_t number, uint64_t align)
{
	return (number + align - 1) & ~(align - 1);
}

/* What follows the sections so far, in both files. */
typedef struct Ends {
	uint64_t old_offset, new_offset;
	uint64_t new_address;
	uint64_t slide; /* how much more addresses moved than offsets, modulo 2^64 */
} Ends;

/* Directly behind the one before, or at the same place within a page. */
static uint64_t expect_offset(const ElfSection *old, const Ends *ends)
{
	if (old->offset - ends->old_offset < old->align)
		return align_up(ends->new_offset, old->align);
	return ends->new_offset + ((old->offset - ends->new_offset) & (PAGE - 1));
}

static uint64_t expect_address(const ElfSection *old, const ElfSection *new, const Ends *ends)
{
	if (old->role == ELF_BSS)
		return align_up(ends->new_address, old->align);
	return new->offset + old->address - old->offset + ends->slide;
}

static uint64_t code_change(
	LayoutModel *model, Coder *coder, size_t context, uint64_t expected, uint64_t actual)
{
	return expected +
		zigzag_decode(number_code(
			&model->numbers, coder, context, zigzag_encode(actual - expected)));
}

static void follow(Ends *ends, const ElfSection *old, const ElfSection *new)
{
	if (elf_stored(old) > 0) {
		ends->old_offset = old->offset + old->size;
		ends->new_offset = new->offset + new->size;
	}
	if (old->loaded) {
		ends->new_address = new->address + new->size;
		if (old->role != ELF_BSS)
			ends->slide = (new->address - new->offset) - (old->address - old->offset);
	}
}

int layout_code(LayoutModel *model, Coder *coder, Layout *layout)
{
	Ends ends = {.slide = 0};

	for (size_t i = 0; i < layout->old->count; i++) {
		const ElfSection *old = &layout->old->sections[i];
		ElfSection *new = &layout->sections[i];

		new->size = code_change(model, coder, SIZES, old->size, new->size);
		new->offset =
			code_change(model, coder, OFFSETS, expect_offset(old, &ends), new->offset);
		if (old->loaded)
			new->address = code_change(model, coder, ADDRESSES,
				expect_address(old, new, &ends), new->address);
		if (new->offset > layout->size || new->size > ELF_FILE_MAX ||
			elf_stored(new) > layout->size - new->offset)
			return -EBADMSG;
		follow(&ends, old, new);
	}
	return 0;
}

const ElfSection *layout_role(const Layout *layout, ElfRole role)
{
	const ElfSection *old = layout->old->roles[role];

	return old ? &layout->sections[old - layout->old->sections] : NULL;
}
