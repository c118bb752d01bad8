/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Visit: a visit of a section, as those see it that know what stands there (finder.h). */
#include "wire/delta/model/finder.h"

typedef struct Visit {
	const Finder *finder;
	const ElfImage *image;
	const ElfSection *section;
	const uint8_t *bytes;   /* of the file */
	uint64_t from, to, end; /* end: of the section */
	FinderVisit visit;
	void *userdata;
} Visit;

static inline uint64_t visit_address(const ElfSection *section, uint64_t offset)
{
	return section->address + (offset - section->offset);
}

static inline void visit_tell(
	const Visit *visit, uint64_t offset, ReferenceKind kind, uint64_t base, uint64_t target)
{
	Reference reference = {(uint32_t)offset, kind, base, target};

	if (offset >= visit->from && offset < visit->to &&
		reference_size(kind) <= visit->end - offset)
		visit->visit(visit->userdata, &reference);
}
