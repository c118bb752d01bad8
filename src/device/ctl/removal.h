/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Removal: what `suture remove` shows, as JSON and for people (screen.h). */
#include <jansson.h>

#include "device/manager/manager.h"

json_t *removal_json(const Manager *manager, const Outcome *outcome, bool is_preview);

/* The first is known as soon as the mounts have moved, the second when services were looked after.
 */
void removal_print_switch(const char *base_version, uint64_t switch_us);
void removal_print(const json_t *removal);

/* Both at once, of what somebody else has done. */
void removal_print_all(const json_t *removal);
