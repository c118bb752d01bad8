/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Sensors: what the machine says of itself, as the policy's Conditions. NetworkManager, UPower and
 * logind are asked where they are on the bus, and none of them is started for it; without them the
 * kernel is: /sys/class/power_supply, /proc/loadavg, the free space of the store. What nobody tells
 * holds nothing up.
 *
 *     sensors_open(agent);                 from then on changes call rounds_consider()
 *     sensors_read(agent, &conditions);
 */
#include "device/policy/wait.h"

typedef struct Agent Agent;

#define SENSORS_ANSWER_US 1000000 /* a service that hangs must not hold the agent up */

/* What cannot be watched is looked at when something else wakes the agent. */
void sensors_open(Agent *agent);

void sensors_read(const Agent *agent, Conditions *ret_conditions);
