/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Wakeup: a transient timer of systemd that starts the agent again when it is needed next, so that
 * it need not wait for that itself. Only where jobs are units. */
#include <stdint.h>

typedef struct Agent Agent;

/* By its name it starts sutured.service: a transient timer cannot be told what to start. */
#define WAKEUP_TIMER "sutured.timer"

/* `when`: seconds since 1970. What cannot be set is logged: suture.timer starts the agent then. */
void wakeup_plan(Agent *agent, int64_t when);
