/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Schedule: when the agent asks next. Pure but for the machine's identity; the chance is the
 * caller's. */
#include <stdint.h>

#define SCHEDULE_FIRST_SECONDS 60 /* after a failure: most are a network that is not there yet */

/* Every machine has a place of its own in each interval, always the same, so that a fleet asks
 * evenly and a machine's turn can be told in advance. The next such time after `after`, in seconds
 * since 1970. */
int64_t schedule_slot(int64_t after, int interval, uint32_t seed);

/* From etc/machine-id below the root; 0 where there is none. */
uint32_t schedule_seed(const char *root);

/* Seconds to wait after the n-th failure in a row: a minute that doubles each time, up to the
 * interval, and of that a half to three halves. */
int schedule_retry(int interval, unsigned failures, uint32_t random);
