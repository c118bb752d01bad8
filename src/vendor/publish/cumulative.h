/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Cumulative: an improvement contains what the one before it fixed. */
#include "vendor/work/workspace.h"
#include "wire/improvement/index.h"

/* -EINVAL with a reason when a file that `old` changes or removes would be the base's again in
 * `next`: it would be unfixed, while the list of fixes goes on. `old` may be NULL. */
int cumulative_check(
	const Base *base, const Improvement *old, const Improvement *next, Reason *reterr_reason);
