/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Restart flags: files below /run by which programs of all kinds say that the system has to be
 * restarted, and others look whether one does.
 *
 *     reboot-required        there is a reason (Debian Policy 9.12)
 *     reboot-required.pkgs   whose: a name per line
 *     reboot-needed          what it takes: soft-reboot, kexec or reboot (openSUSE)
 *
 * They belong to nobody: what others have written stays, and what is taken back is ours alone.
 */
#include <jansson.h>

#include "base/reason.h"

#define RESTART_FLAG_NAME "suture" /* our line of reboot-required.pkgs */

/* What the object of `suture status --json` says that something staged takes: "soft-reboot" or
 * "reboot"; NULL: nothing waits. */
const char *restart_wanted(const json_t *status);

/* `way`: "soft-reboot" or "reboot"; NULL: nothing of ours waits. */
int restart_flags_write(int root, const char *way, Reason *reterr_reason);
