/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Unwind: the records of .eh_frame, and the table of .eh_frame_hdr made from them.
 *
 * A record is 4 bytes of length, then so many bytes: 4 of a CIE pointer (0: it is a CIE itself),
 * and for the others the start and length of a function, 4 bytes each where the CIE says so.
 */
#include "wire/delta/model/elf.h"

typedef struct UnwindEncoding {
	bool relative;      /* the function's start is 32 bits relative to their place */
	bool lsda;          /* likewise an LSDA pointer, first in the augmentation */
	size_t personality; /* offset of 32 relative bits in the CIE; 0: none */
} UnwindEncoding;

/* The size of the record at the start of `left` bytes, or 0 where there is none. */
size_t unwind_record_size(const uint8_t *record, size_t left);

/* Reads a CIE of `size` bytes, its length included. */
void unwind_read_cie(const uint8_t *cie, size_t size, UnwindEncoding *ret);

/* What makes .eh_frame_hdr: bytes of the new file, by piece. */
typedef int (*UnwindRead)(void *userdata, uint64_t offset, size_t size, uint8_t *out);

/* Fills `out`, which has the size of `header`, from the records of `frames`. 0, 1 when the records
 * do not make a table of this size, or what reading gave. */
int unwind_make_header(const ElfSection *frames, const ElfSection *header, UnwindRead read,
	void *userdata, uint8_t *out);
