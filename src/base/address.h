/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Addresses (RFC 3986): what is not an address yet becomes a part of one. */

/* A path as a part of an address: what has a meaning there, blanks and bytes beyond ASCII are
 * percent-encoded, slashes stay. The caller frees; NULL when memory is short. */
char *address_encode_path(const char *path);
