/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Readiness: whether this machine can get improvements, row by row, each "no" with what to do about
 * it. Nothing is changed and nothing is asked: what the repository says is that of the last check.
 *
 *     {"ready": [{"what": "repository", "ok": false, "text": "…", "remedy": "…"}], "ok": false}
 */
#include "device/manager/manager.h"

/* `activation`: what worker_status() gave. The caller's reference; NULL: no memory. */
json_t *readiness_describe(const Manager *manager, const char *activation);

/* Where the base cannot even be recognised: that alone, with the reason. */
json_t *readiness_of_no_base(const Reason *reason);

bool readiness_is_ready(const json_t *readiness);
void readiness_print(const json_t *readiness);
