/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Checked: what asking the repository brought, kept between runs in the store's file `checked`.
 * Nothing is decided by it alone: it serves `status`, and the clock.
 *
 *     checked_load(store, &checked);                      before anything else
 *     checked_succeeded(&checked, …); or checked_failed(&checked, …);
 *     checked_save(&checked, store, &reason);
 *     checked_done(&checked);
 */
#include <stdint.h>

#include "device/store/store.h"

/* All times are seconds since 1970; 0: never. */
typedef struct Checked {
	uint64_t schema;
	int64_t succeeded; /* the last good check */
	int64_t issued;    /* when the vendor signed what was verified last */
	int64_t expires;   /* until when what was verified counts as fresh */
	int64_t failed;    /* the last try, where that failed */
	char *problem;     /* why it failed; NULL: it did not */
	uint64_t failures; /* tries since the last good check */
	char *notes;       /* why the notes of an offer did not come; NULL: they did */
} Checked;

/* A file that is missing or damaged is the same as no check at all. 0 or -ENOMEM. */
int checked_load(const Store *store, Checked *ret);
int checked_save(const Checked *checked, const Store *store, Reason *reterr_reason);
void checked_done(Checked *checked);

/* The clock to decide by: the system's, or the last time that was signed where that is later. A
 * machine whose clock starts in 1970 is thus never further back than its vendor's last word. */
int64_t checked_now(const Checked *checked);

/* `issued` and `expires` of what was verified. What was verified before and said a later time does
 * not count any more: only the vendor can take its word back, and does so where a thief of a key,
 * or a wrong clock, signed a time to come. Nothing older is verified anyway. */
void checked_succeeded(Checked *checked, int64_t issued, int64_t expires);

/* Take a copy of the sentence; 0 or -ENOMEM. For notes "" means that all came. */
int checked_failed(Checked *checked, const char *problem);
int checked_notes(Checked *checked, const char *problem);
