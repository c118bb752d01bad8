/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Status of the trial: what is on trial and until when, and what was reverted last and why. Parts
 * of the object of status.h. */
#include <jansson.h>

#include "device/manager/manager.h"

/* null where nothing is on trial. */
json_t *trial_json(const Manager *manager);

/* null where the last thing that happened was no revert, or was on another base. */
json_t *reverted_json(const Manager *manager);
