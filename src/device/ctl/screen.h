/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Screen: what `suture` shows, made once as a JSON object and printed either as it is (--json) or
 * for people (status-screen.h, history-screen.h). Both come from the same object, so they cannot
 * disagree. Objects carry "schema": 1.
 *
 * Constructors return NULL when memory is short; the caller owns the reference.
 */
#include <jansson.h>

#include "device/manager/manager.h"

json_t *screen_status(Manager *manager, const char *activation, Reason *reterr_reason);
json_t *screen_offer(const Manager *manager, const Offer *offer);
json_t *screen_support(const Manager *manager); /* null: the vendor says nothing of the base */
/* Ids of what a generation fixes; NULL: nothing. */
json_t *screen_fixes(const Generation *generation);
json_t *screen_history(const Manager *manager, Reason *reterr_reason);

/* {"error":{"code":6,"text":"…","word":"not-verified"},"schema":1}: why there is nothing else. */
json_t *screen_error(int error, const Reason *reason);
int screen_print_json(const json_t *json); /* 0 or a negative errno */
