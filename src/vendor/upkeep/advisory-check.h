/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AdvisoryCheck: whether what tells of fixes is whole, agrees with itself, and says of improvements
 * what is signed of them: by the published files alone, without keys and without a work folder.
 *
 *     for each index of the public channel: advisory_check_take(&check, &index);
 *     advisory_check_run(&check, &reason);                     may be repeated
 *     advisory_check_done(&check);
 *
 * What an index lists is compared with the feed member by member, by making the feed that would
 * follow from the indexes. What an index does not list any more, and a base that was not looked at,
 * can only be compared among the unsigned files.
 */
#include "vendor/repository/repository.h"

typedef struct AdvisoryCheck {
	const Repository *repository;
	const Workspace
		*workspace; /* whose list has all bases; with a path where it is the vendor's */

	/* Notes the fault whose sentence is in `reason`. 0, or -ENOMEM. */
	int (*fault)(void *context, int error);
	void *context;
	bool *is_faulty; /* whether something was found already */

	/* filled */
	size_t advisories;
	json_t *lacks; /* what bases lack all the same: one object for each */

	/* its own */
	Index *indexes;
	size_t count;
} AdvisoryCheck;

/* Takes the content on success. 0 or -ENOMEM. */
int advisory_check_take(AdvisoryCheck *check, Index *index);

/* 0 also where there are faults. `reason` is the one that `fault` reads. */
int advisory_check_run(AdvisoryCheck *check, Reason *reason);
void advisory_check_done(AdvisoryCheck *check);
