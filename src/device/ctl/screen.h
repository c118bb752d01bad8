/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Screen: what `suture` shows, made once as a JSON object and printed either as it is (--json) or
 * for people. Both come from the same object, so they cannot disagree. Objects carry "schema": 1;
 * that of `suture status` is made by device/manager/status.h.
 *
 * Constructors return NULL when memory is short; the caller owns the reference.
 */
#include <jansson.h>

#include "device/manager/manager.h"

json_t *screen_history(const Manager *manager, Reason *reterr_reason);

void screen_print_status(const json_t *status);
void screen_print_history(const json_t *history);
int screen_print_json(const json_t *json); /* 0 or a negative errno */
