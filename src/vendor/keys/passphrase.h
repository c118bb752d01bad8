/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Passphrase: handing what opens the keys to suture-sign, several runs of it, without reading it.
 */
#include "base/reason.h"

/* A descriptor with what `fd` has, which each run can read from its start, never 0 to 2: `fd` again
 * when it is a file; when it is a pipe, a sealed file in memory that the kernel moves the pipe's
 * bytes into, up to its end, locked where that is allowed. The descriptor, or a negative errno with
 * a reason. */
int passphrase_keep(int fd, Reason *reterr_reason);
