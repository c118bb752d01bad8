/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Report: reading what the helper programs print. Pure; the helpers are ours, but one that was
 * replaced or cut short must not confuse the manager. */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#define REPORT_WORD_MAX 64

/* The one line of `suture-stage`. */
typedef struct StageResult {
	bool changed, used_delta, used_full;
	bool notes_asked; /* whether notes were asked for, where some were missing */
	char notes_problem[REASON_TEXT_MAX]; /* why they did not come; "" when they did */
	uint32_t generation;
	uint64_t requests, wire_bytes, payload_bytes;
	int64_t issued;  /* the newest signed time, seconds since 1970 */
	int64_t expires; /* until when what was verified is fresh */
} StageResult;

int report_stage(const void *text, size_t size, StageResult *ret_result, Reason *reterr_reason);

/* One of its lines of progress. -EBADMSG for anything else. */
typedef struct ProgressReport {
	char phase[REPORT_WORD_MAX + 1]; /* "download" or "apply" */
	char component[REPORT_WORD_MAX + 1];
	uint64_t done, total; /* bytes */
} ProgressReport;

int report_progress(const char *line, ProgressReport *ret_progress);

/* The one object of `suture-restart`, in which "units" is a list of objects. The caller's
 * reference. */
int report_restarts(const void *text, size_t size, json_t **ret_report, Reason *reterr_reason);

/* What `suture-activate` says of a switch: "… microseconds=N"; 0 where it says nothing. */
uint64_t report_microseconds(const char *text);

/* The first mount that `suture-activate status` says covers a graft, or "". */
void report_cover(const char *text, char ret_cover[static REPORT_WORD_MAX + 1]);

/* The number behind a key in the lines of `suture-activate status`. -ENOENT when there is no such
 * line, or no number in it ("mounted mixed"). */
int report_status_number(const char *text, const char *key, uint32_t *ret_number);
