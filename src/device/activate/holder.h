/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Holder: which process keeps an old overlay, and the space of its images, from going. */
#include "device/activate/runtime.h"

/* A process that maps a file of the overlay, for each of the list that has `wanted` set; 0: none.
 * `ret_pids` has list->count places. */
int holder_find(const HeldList *list, const bool *wanted, pid_t *ret_pids);
