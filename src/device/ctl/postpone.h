/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Postpone: `suture postpone`, the owner's "not now". */
#include <jansson.h>

#include "device/manager/manager.h"

/* For as much of `seconds` as the policy allows; 0 ends it. -EPERM: no time is left, or there is
 * none at all. */
int postpone_set(const Manager *manager, int64_t seconds, Reason *reterr_reason);

json_t *postpone_json(const Manager *manager, Reason *reterr_reason);
void postpone_print(const json_t *postpone);
