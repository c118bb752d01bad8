/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Module: what the publisher wants to know of a kernel module's file, packed (.ko.xz, .ko.zst,
 * .ko.gz) or not. */
#include <stdbool.h>

#include "base/reason.h"

bool module_is_named(const char *path);

/* Its build-id in hexadecimal digits; NULL when it was linked without one. The caller frees. */
int module_build_id(const char *path, char **ret_build_id, Reason *reterr_reason);
