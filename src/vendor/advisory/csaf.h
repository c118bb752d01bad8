/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Csaf: an advisory in the Common Security Advisory Framework 2.0 (OASIS), profile 4 "security
 * advisory". Every base is a product that is known to be affected, `26.3.1`; every improvement of
 * it one that is fixed, `26.3.1-a`, and so is a newer base that contains the fix.
 */
#include "vendor/advisory/advisory.h"

/* A new reference; NULL: no memory. */
json_t *csaf_document(const Advisory *advisory, const char *name, const Vendor *vendor);

/* The "publisher" that the provider's own file has too. */
json_t *csaf_publisher(const Vendor *vendor);
