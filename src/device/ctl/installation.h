/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Installation: what `suture install` shows, as JSON and for people (screen.h). */
#include <jansson.h>

#include "device/manager/manager.h"

/* `way`: how the machine is being restarted, or NULL. */
json_t *installation_json(
	const Manager *manager, const Outcome *result, bool is_preview, const char *way);
void installation_print(const json_t *installation);
