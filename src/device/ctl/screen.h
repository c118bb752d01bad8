/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Screen: what `suture` shows, made once as a JSON object and printed either as it is (--json) or
 * for people (status-screen.h, history-screen.h). Both come from the same object, so they cannot
 * disagree. Objects carry "schema": 1; that of `suture status` is device/manager/status.h's.
 *
 * Constructors return NULL when memory is short; the caller owns the reference.
 */
#include <jansson.h>

#include "device/manager/manager.h"

json_t *screen_history(const Manager *manager, Reason *reterr_reason);

/* {"error":{"code":6,"text":"…","word":"not-verified"},"schema":1}: why there is nothing else. */
json_t *screen_error(int error, const Reason *reason);
int screen_print_json(const json_t *json); /* 0 or a negative errno */
