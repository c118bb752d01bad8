/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Notes: what the vendor says of an improvement, from what the stager verified and kept: for
 * everything that shows it to people, without a network. */
#include "device/manager/manager.h"
#include "wire/improvement/fixes.h"

/* The fixes that came with this sequence of the base that runs; what it carries over from older
 * ones is in theirs. -ENOENT: there are none here; the reason says why, and what to do. The caller
 * clears the list. */
int manager_notes(
	const Manager *manager, uint64_t sequence, FixesList *ret_list, Reason *reterr_reason);
