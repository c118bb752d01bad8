/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Wakeup: a transient timer of systemd that starts the agent again when it is needed next, so that
 * it need not wait for that itself. Only where jobs are units. */
#include <stdint.h>

typedef struct Agent Agent;

#define WAKEUP_TIMER   "suture-next.timer"
#define WAKEUP_SERVICE "sutured.service"

/* `when`: seconds since 1970. What cannot be set is logged: suture.timer starts the agent then. */
void wakeup_plan(Agent *agent, int64_t when);
