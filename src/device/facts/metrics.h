/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Metrics: the state as Prometheus' text format 0.0.4, for the textfile collector of its
 * node-exporter. Pure. */
#include <jansson.h>

#include "base/buffer.h"

/* Appends them, from the object of `suture status --json`. 0 or -ENOMEM. */
int metrics_write(const json_t *status, Buffer *text);
