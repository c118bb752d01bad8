/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Match: where parts of a target come from in one old file. A suffix array over the old file finds
 * exact matches; they are then stretched over bytes that differ (after Percival's bsdiff), since an
 * address that moved leaves the code around it in place.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "wire/delta/model/control.h"

#define MATCH_OLD_MAX ((uint64_t)INT32_MAX - 1) /* libdivsufsort's 32-bit indices */

typedef struct MatchIndex MatchIndex;

/* `old` must live as long as the index. 0 or -ENOMEM. */
int match_index_new(const uint8_t *old, size_t size, MatchIndex **ret);
MatchIndex *match_index_free(MatchIndex *index);
DEFINE_CLEANUP(MatchIndex *, match_index_free)

/* The steps that make target[0 … size) of the old file. `reluctance` is how many more bytes a new
 * place must explain than the present alignment does before it is taken. The caller frees
 * *ret_steps. 0 or -ENOMEM. */
int match_steps(const MatchIndex *index, const uint8_t *target, size_t size, size_t reluctance,
	Step **ret_steps, size_t *ret_count);
