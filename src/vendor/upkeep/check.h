/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Check: a whole repository, as a vendor or whoever keeps a copy runs it from cron: metadata and
 * their expiry as a device sees them, every index of every channel, every seal, every blob's digest
 * and size, every full payload unpacked, every delta applied to the base's files.
 *
 * It goes on behind what is wrong, so that one run tells all of it. One blob at a time is mapped,
 * and at most one image made from a delta is in memory.
 *
 * What tells of fixes is held against what is signed (advisory-check.h).
 *
 * Seals and deltas need the vendor's list of bases and the bases' files: without them they are
 * counted as not looked at.
 */
#include <jansson.h>

#include "base/bar.h"
#include "base/command.h"
#include "vendor/repository/repository.h"

#define CHECK_FAULTS_MAX 1000 /* that are told; a lost disk has them all */

typedef struct CheckReport {
	size_t indexes, improvements, images, blobs, deltas;
	size_t unsealed, unapplied; /* images and deltas that could not be looked at */
	uint64_t bytes;             /* of blobs */
	size_t unlisted;            /* files that nothing current or recent needs */
	uint64_t unlisted_bytes;
	size_t advisories; /* that were looked at */
	bool is_moving;    /* and not judged: something is being published */
	json_t *lacks;     /* what bases lack of their predecessors, all the same */
	json_t *faults;    /* sentences */
	int error;         /* of the first fault; 0: all is good */
} CheckReport;

void check_report_done(CheckReport *report);
#define _cleanup_check_report_ _cleanup_(check_report_done)

/* `bases`: the names of those to look at; none: all. `channel`: one that there must be. `bar`:
 * progress, or NULL. 0 also where faults were found. -ENOENT when there is no such base, or nothing
 * was ever published in the channel. */
int check_repository(const Workspace *workspace, Repository *repository, const OptionList *bases,
	const char *channel, Bar *bar, CheckReport *ret_report, Reason *reterr_reason);
