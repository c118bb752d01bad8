/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Status: the state of a machine's improvements as one JSON object, `suture status --json`. Screens
 * print it, and what the rest of the system sees follows from it (device/facts), so that all of
 * them say the same. It carries "schema": 1; members are only added.
 *
 *     manager_open("/", &manager, &reason); manager_load(&manager);
 *     r = status_make(&manager, &status, &reason);
 *
 * Objects are new references of the caller's; the parts are NULL when memory is short.
 */
#include "device/manager/manager.h"

/* Asks suture-activate what is mounted, which takes root. */
int status_make(Manager *manager, json_t **ret_status, Reason *reterr_reason);

json_t *status_offer(const Manager *manager, const Offer *offer);
json_t *status_support(const Manager *manager);     /* null: the vendor says nothing of the base */
json_t *status_fixes(const Generation *generation); /* ids; NULL: nothing is fixed */
