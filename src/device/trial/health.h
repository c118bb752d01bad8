/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Health: the integrator's and the owner's own checks of a machine's well-being: the programs in
 * usr/lib/suture/health.d and etc/suture/health.d below the root, run one after the other in the
 * order of their names. One in etc stands for one of the same name in usr; a file that is empty or
 * not executable is a check that somebody switched off. A check is good when it ends with 0 in
 * time, whatever it leaves behind, which is ended; one that cannot be run is not (grafting rule
 * 12): a broken C library shows just so.
 */
#include <stdint.h>

#include "base/reason.h"

#define HEALTH_PATH        "etc/suture/health.d"
#define HEALTH_VENDOR_PATH "usr/lib/suture/health.d"
#define HEALTH_CHECKS_MAX  64 /* they have to fit into a trial's window */

/* Positive: a check failed, and the reason names it. Each may take so many seconds, and all of them
 * last to `end_us` of CLOCK_BOOTTIME: one that has to end before its time has failed as well. */
int health_run(const char *root, unsigned seconds, uint64_t end_us, Reason *reterr_reason);
