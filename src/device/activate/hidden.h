/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Hidden: grafts below a mount that came over a parent directory, as systemd-sysext makes one over
 * /usr. No path leads to them, but they would be in effect again when that mount goes.
 */
#include "device/activate/plan.h"

/* After the plan was moved: takes off the hidden grafts that do not show its generation. What
 * cannot be reached, where the base's file system knows no file handles, stays, is shown as covered
 * by `status`, and goes with the next switch after it came to light. */
void hidden_detach(const Plan *plan, const Runtime *runtime);
