/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The file of Fixes that `create --fixes` is given. */
#include "wire/improvement/fixes.h"

/* Reads and checks it. -EBADMSG with a reason that names the member. */
int fixes_load(const char *path, Fixes *ret_fixes, Reason *reterr_reason);
