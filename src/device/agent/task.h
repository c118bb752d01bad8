/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Task: what there is to do on this machine, read from what `suture status` said, and until when it
 * has to be done. Pure. */
#include <jansson.h>

#include "device/policy/policy.h"
#include "device/policy/wait.h"

typedef struct Task {
	Work work;
	uint64_t sequence;   /* that is offered and may be installed, or is pending; 0: nothing */
	uint64_t installed;  /* that is on */
	const char *version; /* of the base; borrowed from the status */
	bool is_pending;     /* it is staged, and takes a restart of the machine */
	bool is_downloaded;
} Task;

void task_read(const json_t *status, Task *ret_task);

/* When the organisation wants it done, in seconds since 1970; 0: it does not. */
int64_t task_deadline(const Policy *policy, const Task *task);
