/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Openvex: which bases and improvements have the flaws of an advisory, in OpenVEX 0.2.0. */
#include "vendor/advisory/advisory.h"

/* A new reference; NULL: no memory. */
json_t *openvex_document(const Advisory *advisory, const char *name, const Vendor *vendor);
