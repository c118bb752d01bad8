/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * History: what indexes say today, written into the advisories, which remember it when the indexes
 * have gone on.
 *
 *     for each base: history_observe(&list, &index, read_notes, context, &reason);
 *     history_close(&list, now);               one more revision of each that changed
 *
 * An improvement brings the advisories that its notes hold. A withdrawal is noted at every release
 * that it speaks of; when all that have a fix are withdrawn, the first listed improvement that has
 * it too joins them. A base that includes others' improvements is noted as well. Observing the
 * same index again changes nothing.
 */
#include "vendor/advisory/advisory.h"

/* Gives the verified bytes of an improvement's notes; the caller frees. */
typedef int (*HistoryNotes)(
	void *context, const Notes *notes, uint8_t **ret_data, Reason *reterr_reason);

int history_observe(AdvisoryList *list, const Index *index, HistoryNotes notes, void *context,
	Reason *reterr_reason);

/* Another text for an advisory that was published, and why, for everybody: between observing and
 * closing. It tells of the same fixes, because which those are is signed in indexes. The text takes
 * the place of the old one, which the caller frees. -ENOENT: there is no such advisory; -EINVAL: it
 * tells of other fixes; both with reasons. */
#define HISTORY_SAME_TEXT 1
int history_correct(AdvisoryList *list, Fixes *fixes, const char *why, Reason *reterr_reason);

/* Sets `changed` of each entry. 0 or -ENOMEM. */
int history_close(AdvisoryList *list, int64_t now);
