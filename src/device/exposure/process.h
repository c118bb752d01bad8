/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Process: what is told, and asked, about one process. A process that ends meanwhile has no unit
 * and no program any more; only memory can fail. */
#include "device/exposure/exposure.h"

/* Fills in comm, exe, cgroup, unit and root. 0 or -ENOMEM; what is there then is the list's to free
 * anyway. */
int process_describe(pid_t pid, Exposed *exposed);

/* The same from another entry of the process. */
int process_describe_again(const Exposed *other, Exposed *exposed);

/* Whether the process did not start after the image of a USE_HOST was attached, or the image is not
 * attached at all. 1, 0 or -ENOMEM. */
int process_may_run(const Store *store, pid_t pid, const ExposureFile *host);

/* Pure: microseconds after the boot (CLOCK_BOOTTIME), of the text of a /proc/PID/stat. 0 or
 * -EBADMSG. The kernel counts in hundredths of a second, rounded down. */
int process_start_of(const char *stat, uint64_t *ret_microseconds);
