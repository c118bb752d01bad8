/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Impact screen: what a change means, or meant, for the programs that run, as JSON and for people
 * (screen.h). */
#include <jansson.h>

#include "device/manager/manager.h"

/* null where nothing is known. */
json_t *impact_json(const Impact *impact);

/* `what` is run by them: "replaced code". */
void impact_print(const json_t *impact, const char *what);
