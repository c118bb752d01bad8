/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Landlock (Linux 5.13): gives up the right to change files, for this process and all that it
 * starts, and for good. Descriptors that are open stay writable.
 */
#include <stdbool.h>

#include "base/reason.h"

/* Positive: the kernel has no Landlock, so what the user may write can be written. */
#define LANDLOCK_IS_MISSING 1

/* `except`: folders below which all stays as it is, and files that may still be written; ends with
 * NULL, and what is not there is passed over. No program gets new privileges from then on. */
int landlock_forbid_writing(
	const char *const *except, bool forbids_execution, Reason *reterr_reason);
