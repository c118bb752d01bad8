/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Layout: where the old file's sections are in the new one, coded as what a linker would not have
 * done by itself: sizes that changed, and starts that do not follow.
 */
#include "wire/delta/model/elf.h"
#include "wire/delta/model/number.h"

typedef struct LayoutModel {
	NumberModel numbers;
} LayoutModel;

typedef struct Layout {
	const ElfImage *old;
	ElfSection *sections; /* of the new file: offset, address and size of each of the old */
	uint64_t size;        /* of the new file */
} Layout;

void layout_model_init(LayoutModel *model, const MixerTables *tables);

/* Codes layout->sections; a decoder's are allocated by layout_init(). 0, or -EBADMSG for sections
 * outside the file. */
int layout_init(Layout *layout, const ElfImage *old, uint64_t size); /* 0 or -ENOMEM */
void layout_done(Layout *layout);
int layout_code(LayoutModel *model, Coder *coder, Layout *layout);

/* The new place of the first section with the role; NULL: there is none. */
const ElfSection *layout_role(const Layout *layout, ElfRole role);
