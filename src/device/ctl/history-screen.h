/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* HistoryScreen: the object of screen_history(), or the newest part of it, for people. */
#include <jansson.h>
#include <stdint.h>

/* Drops what is older than `since` (seconds since 1970; 0: nothing), and all but the newest `limit`
 * (0: all). */
void history_screen_select(json_t *history, int64_t since, int limit);
void history_screen_print(const json_t *history);
