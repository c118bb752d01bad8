/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Pause: the note that somebody changes the base and wants nothing grafted meanwhile. It is a file
 * below /run, so that a restart forgets it; what was shown before stands in it as a number.
 */
#include "device/store/store.h"

#define PAUSE_PATH "run/suture.paused"

bool pause_is_on(const Store *store);

/* 0, or 1: there is no pause. A note that nobody can read says that nothing was shown. */
int pause_load(const Store *store, uint32_t *ret_shown);
int pause_store(Store *store, uint32_t shown, Reason *reterr_reason);
void pause_clear(Store *store);
