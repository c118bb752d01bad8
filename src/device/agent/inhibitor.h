/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inhibitor: somebody's wish that nothing is installed unasked, which lasts as long as a descriptor
 * is open: it ends with its holder, however that ends. */
#include <sys/types.h>

#include "base/reason.h"

typedef struct Agent Agent;

/* *ret_fd is the caller's, to be given away. -EBUSY when there are too many, or of this user who
 * is not root. */
int inhibitor_add(Agent *agent, uid_t user, const char *who, const char *why, int *ret_fd,
	Reason *reterr_reason);

void inhibitor_end_all(Agent *agent);
