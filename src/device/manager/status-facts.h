/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * StatusFacts: what `suture status` says beyond what is kept: what follows from several facts.
 * Members of the status object:
 *
 *     state            one word (device/manager/state.h)
 *     health           of what is applied: healthy, trial, or impaired; null: nothing is
 *     since            when what is applied was installed, by the history; null: not known
 *     components       names of what is applied
 *     bytes            that it takes on the disk
 *     advisory, urgency   of what is applied, where the index still lists it; else null
 *     restart_needed   none, or what takes for what is staged: soft-reboot or reboot
 *     selected_fixes   what is staged fixes; empty: nothing is
 *     exploited        CVEs among all these that are known to be used in attacks
 *     next_check       when sutured asks next, at the earliest; null: not known
 *     window           {"open","opens"} of the windows of suture.conf; null: there are none
 *     deferred         every reason why nothing is installed by itself now: [{"reason","text"}]
 */
#include <jansson.h>

#include "device/manager/manager.h"

/* `mounted` NULL: nothing is. Takes the other members that status_make() made. 0 or -ENOMEM. */
int status_facts_add(json_t *status, const Manager *manager, const Generation *mounted);
