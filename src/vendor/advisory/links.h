/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Links: where the files of advisories lie, below the repository and as addresses. The caller
 * frees; NULL: no memory. */
#include "vendor/advisory/advisory.h"

#define LINKS_ADVISORIES "advisories/"
#define LINKS_CSAF       ".well-known/csaf/"
#define LINKS_CSAF_WHITE LINKS_CSAF "white/"

/* "2026/example-2026-0007.json", below LINKS_CSAF_WHITE: the year is the first release's. */
char *links_csaf_file(const Advisory *advisory, const char *name);

char *links_csaf(const Vendor *vendor, const Advisory *advisory, const char *name);
char *links_page(const Vendor *vendor, const char *name);
