/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* CheckScreen: what `suture check` found, for people (screen.h). */
#include <jansson.h>
#include <stdbool.h>

void check_screen_print(const json_t *check);

/* Whether something may be installed now. */
bool check_screen_is_available(const json_t *check);
