/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Countdown: before the machine is restarted for what waits for that. Everybody sees it
 * (RestartAtUSec), and whoever may postpone can end it. */
typedef struct Agent Agent;

void countdown_start(Agent *agent, int seconds);
void countdown_stop(Agent *agent);
