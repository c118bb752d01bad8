/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Waiting: what the agent tells everybody else of its decisions, as run/sutured/waiting below the
 * root: why it does not do by itself what is there to do, and when it asks next. It is written by
 * the agent alone, and decides nothing.
 *
 * Four lines, of which times are seconds since 1970, 0 for none, and `waits` are words with commas
 * between, or "-". `sequence` is what the reasons are about: for anything else they mean nothing.
 *
 *     sequence 2
 *     waits metered,window
 *     next-check 1795932000
 *     restart-at 0
 *
 * Gone with the boot.
 */
#include <stdint.h>

#include "base/reason.h"
#include "device/policy/wait.h"

#define WAITING_PATH "run/sutured/waiting"

typedef struct Waiting {
	uint64_t sequence;
	WaitSet waits;
	int64_t next_check, restart_at;
} Waiting;

/* A file that is missing or not understood: all zero. 0 or -ENOMEM. */
int waiting_read(const char *root, Waiting *ret_waiting);
int waiting_write(const char *root, const Waiting *waiting, Reason *reterr_reason);

/* One sentence for a person. */
const char *waiting_text(WaitReason reason);
