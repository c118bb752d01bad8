/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Facts screen: what `suture facts` told the rest of the system, from the object of `suture status
 * --json`: as JSON (NULL when memory is short), and for people. */
#include <jansson.h>

json_t *facts_screen(const json_t *status);
void facts_screen_print(const json_t *facts);
