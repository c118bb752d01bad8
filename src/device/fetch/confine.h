/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Confine: gives away every power that a downloader does not need, before the first byte from the
 * network is read. */
#include "base/landlock.h"

#define CONFINE_USER "suture-fetch" /* made by sysusers.d; without it: nobody */

/* Root becomes CONFINE_USER; no new privileges; no right to change any file system or to execute
 * anything (Landlock). Descriptors that are open stay writable.
 * Positive: LANDLOCK_IS_MISSING. */
int confine(Reason *reterr_reason);
