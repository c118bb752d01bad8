/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Postponement: how long the owner has put off what is waiting, and how long that is possible yet.
 * Kept as var/lib/suture/postponed. All postponing since the last installation counts towards the
 * policy's postpone-limit; once something else is on than when it was postponed, the owner has all
 * of the time again.
 *
 *     postponement_read(root, installed, &postponement);
 *     r = postponement_extend(&postponement, config->postpone_limit, seconds, now);
 *     postponement_write(root, &postponement);
 */
#include <stdint.h>

#include "base/reason.h"

#define POSTPONEMENT_PATH "var/lib/suture/postponed"

typedef struct Postponement {
	uint64_t installed;   /* the sequence that was on */
	int64_t used;         /* seconds, by what was before `since` */
	int64_t since, until; /* seconds since 1970; equal: not postponed */
} Postponement;

/* A missing file, one that cannot be read, and one of another `installed`: nothing is postponed.
 * 0 or -ENOMEM. */
int postponement_read(const char *root, uint64_t installed, Postponement *ret_postponement);
int postponement_write(const char *root, const Postponement *postponement, Reason *reterr_reason);

/* When it ends; 0: nothing is postponed at `now`. A clock that was set back never makes it longer
 * than `limit` from now. */
int64_t postpone_until(const Postponement *postponement, int64_t limit, int64_t now);

/* Seconds that are left of `limit`, those to come of the postponement that runs among them. */
int64_t postponement_left(const Postponement *postponement, int64_t limit, int64_t now);

/* From now for so many seconds, instead of what was said before, or as much as the limit allows.
 * -EDQUOT, and nothing is changed: no time is left. 0 seconds end it. */
int postponement_extend(Postponement *postponement, int64_t limit, int64_t seconds, int64_t now);
