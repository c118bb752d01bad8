/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* State: what a machine's improvements are doing, as one word for programs: `suture status --json`,
 * and the property State of org.suture.Manager1. Pure. */
#include <stdbool.h>

typedef struct StateFacts {
	const char *activity; /* of whoever holds the lock, one of the words; "" or NULL: nobody */
	bool is_on_trial;
	bool needs_restart; /* something is selected, and not mounted */
	bool is_offered;    /* and may be installed now */
	bool check_failed;  /* the last one */
} StateFacts;

/* idle, checking, available, downloading, staging, installing, removing, restart-required, trial,
 * failed; NULL-terminated. */
extern const char *const state_words[];

/* What is being done counts first, then what the owner waits for, then what the owner can do. An
 * activity that is none of the words, be it of a newer Suture, counts as none. */
const char *state_word(const StateFacts *facts);
