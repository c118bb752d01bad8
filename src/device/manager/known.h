/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Known: the improvements of this base that the machine can say something of, offline: those that
 * the kept index lists, those in the store, and those whose notes are kept.
 *
 *     _cleanup_known_ Known known = {};
 *     r = known_read(&manager, &known, &reason);
 */
#include "device/manager/notes.h"

typedef enum KnownState {
	KNOWN_OFFERED, /* listed, and newer than what is selected */
	KNOWN_STAGED,  /* verified and at rest: it waits for a restart, or to be installed */
	KNOWN_APPLIED, /* what is really mounted */
	KNOWN_WITHDRAWN,
	KNOWN_EARLIER, /* was offered or installed once */
} KnownState;
extern const char *const known_states[]; /* machine words, in the order above */

typedef struct KnownImprovement {
	uint64_t sequence;
	KnownState state;
	const Improvement *listed;    /* in the manager's index; NULL: no more */
	const Withdrawal *withdrawal; /* by which the vendor took it back; or NULL */
	Generation *generation;       /* its record in the store; NULL: none */
	FixesList notes;
	bool has_notes;
	Reason why; /* where there are none */
} KnownImprovement;

typedef struct Known {
	KnownImprovement *items; /* newest first */
	size_t count;
	uint64_t selected; /* the sequence that `current` says; 0: the base */
	Mounted mounted;
} Known;

/* The pointers into the index live as long as the manager's. */
int known_read(const Manager *manager, Known *ret_known, Reason *reterr_reason);
void known_done(Known *known);
#define _cleanup_known_ _cleanup_(known_done)

/* The one that is applied, or NULL; and whether something covers a part of what is mounted. */
const KnownImprovement *known_applied(const Known *known);
bool known_is_covered(const Known *known);

/* Calls `each` for all that it fixes, carried-over fixes included as far as they are known, until
 * that returns something else than 0, which is returned. A CVE comes once for each component. */
int known_visit_fixes(const KnownImprovement *improvement,
	int (*each)(void *context, const char *cve, const char *component), void *context);

/* The same for the paths of a component's files, those that it removes among them. */
int known_visit_files(const KnownImprovement *improvement, const char *component,
	int (*each)(void *context, const char *path), void *context);
