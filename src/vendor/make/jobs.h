/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Jobs: the same work many times over, several at once, each in a thread of its own. Memory is
 * bounded by how many run at once; a job that fails keeps further ones from being begun. On a
 * terminal, what takes more than a second shows how far it is.
 */
#include <stddef.h>

#include "base/reason.h"

#define JOBS_MAX 256

/* Job `number`, from 0. What several jobs touch is theirs to guard. */
typedef int (*JobRun)(void *context, size_t number, Reason *reterr_reason);

/* As many as the machine has processors that we may use. */
unsigned jobs_default(void);

/* Runs `count` jobs, at most `limit` at once. `what`: what is done, for the person who waits. The
 * result and reason of the first job in order that failed; 0 when none did. */
int jobs_run(size_t count, unsigned limit, const char *what, JobRun run, void *context,
	Reason *reterr_reason);
