/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Redirect: where an answer may send us. Pure, though the addresses are taken apart by libcurl, so
 * that the check and the request agree on them. */
#include <stdbool.h>

bool redirect_is(int status); /* 301, 302, 303, 307, 308 */

/* Both absolute. Within the same scheme, host and port; with `any` to every http and https address,
 * but never from https to http: what was asked in private must not be shown. */
bool redirect_is_allowed(const char *from, const char *to, bool any);
