/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Trial screen: for people, what device/manager/status-trial.h has as JSON (screen.h). */
#include <jansson.h>

void trial_print(const json_t *trial);
void reverted_print(const json_t *reverted);
