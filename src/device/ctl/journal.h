/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Journal: `suture log`, what all of Suture's programs and units said, by journalctl(1). */
#include <stdbool.h>

#include "base/reason.h"

typedef struct JournalRun {
	const char *root;  /* of the machine whose journal it is */
	const char *since; /* as journalctl has it; NULL: from the beginning */
	int limit;         /* the newest lines; 0: all */
	bool follow, json;
} JournalRun;

/* Becomes journalctl, and returns only where it cannot: -ENOENT when there is none. */
int journal_show(const JournalRun *run, Reason *reterr_reason);
