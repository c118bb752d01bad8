/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Lacks: what a base lacks of its predecessor's fixes, when the vendor published it all the same:
 * the member `lacks` of the index's `optional` (doc/format/index.md). */
#include "wire/improvement/index.h"

#define LACKS "lacks"

/* The object, which lives as long as the index; NULL: it lacks nothing that is known. */
const json_t *lacks_of(const Index *index);

/* Whether it is as the format has it. -EBADMSG with a reason. */
int lacks_check(const json_t *lacks, Reason *reterr_reason);

/* Whether the base certainly lacks a fix of it: it has a file's bytes from before. Of a file in
 * another form the vendor's word counts, which is in the index's `includes`. */
bool lacks_cve(const json_t *lacks, const char *cve);
