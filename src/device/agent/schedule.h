/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Schedule: when the agent asks next. Pure; the chance is the caller's. */
#include <stdint.h>

#define SCHEDULE_FIRST_SECONDS 60 /* after a failure: most are a network that is not there yet */

/* Seconds to wait after a round. After a good one (failures is 0) `interval` and up to a third
 * more, so that machines that start together do not ask together; after the n-th failure in a row a
 * minute that doubles each time, up to the interval, and of that a half to three halves. */
int schedule_next(int interval, unsigned failures, uint32_t random);
