/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Survey: asks systemd whose these processes are, for a plan. */
#include "device/restart/plan.h"

/* Adds the owners of the processes to the plan. A process that has ended is counted in *ret_gone
 * and is otherwise none. `bus` NULL: where nobody manages services, no process has an owner. */
int survey_processes(sd_bus *bus, const pid_t *pids, size_t count, Plan *plan, size_t *ret_gone,
	Reason *reterr_reason);
