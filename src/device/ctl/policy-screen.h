/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* PolicyScreen: what `suture policy` shows, and what `suture status` shows of it (screen.h). */
#include <jansson.h>

#include "device/manager/manager.h"

json_t *policy_screen(const Policy *policy);
void policy_screen_print(const json_t *screen);

/* Of the member "policy" of `suture status`. */
void policy_screen_print_summary(const json_t *summary, const char *problem);

/* " (managed by NAME)", or nothing: what stands behind a value of this object's. */
#define POLICY_SCREEN_MANAGER_SIZE (CONFIG_NAME_MAX + 32)
void policy_screen_manager(const json_t *object, char ret_text[static POLICY_SCREEN_MANAGER_SIZE]);
