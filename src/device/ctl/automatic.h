/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Automatic: `suture automatic`, what happens by itself with what is offered. */
#include <jansson.h>

#include "device/manager/manager.h"

/* Keeps what the owner wants, and reads the policy anew. -EPERM: the organisation decides. */
int automatic_set(Manager *manager, const char *mode, Reason *reterr_reason);

json_t *automatic_json(const Manager *manager, bool was_set);
void automatic_print(const json_t *automatic);
