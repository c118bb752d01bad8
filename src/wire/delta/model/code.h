/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Code: the references in x86-64 code, and the jump tables that it names. Instructions have no
 * boundaries that could be seen from within, so it is walked over once, from each section's start.
 */
#include "wire/delta/model/visit.h"

int code_walk(Finder *finder); /* notes covers and jump tables; 0 or -ENOMEM */
void code_visit(const Visit *visit);
void code_visit_places(const Finder *finder, const ElfSection *section, uint64_t from, uint64_t to,
	FinderPlaceVisit visit, void *userdata);
uint64_t code_instruction(const Finder *finder, const ElfSection *section, uint64_t offset);
