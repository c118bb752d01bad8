/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Navigation: who may read whom, by the same-origin policy (RFC 6454): two addresses are of one
 * origin when scheme, host and port are equal.
 *
 * As it was shipped it takes the host to end at the first '@', while what loads a page rightly
 * takes it to begin behind the last. A page at https://bank.example@evil.example/ comes from
 * evil.example, and was of the origin of bank.example. There are two fixes, as there are in life:
 *
 *     -DFIXED=1   an address with a name in front of its host has no origin: safe, and pages
 *                 that were opened with one can no longer read their own site
 *     -DFIXED=2   the host is the same for both
 */
#include <stdbool.h>
#include <stddef.h>

#define NAVIGATION_HOST_SIZE 256 /* a name of the DNS has 253 bytes at most; and a NUL */

/* The host that an address is loaded from. False: it is none of http or https. */
bool navigation_host(const char *address, char ret_host[static NAVIGATION_HOST_SIZE]);

/* Whether a page may read the other address. */
bool navigation_may_read(const char *page, const char *address);
