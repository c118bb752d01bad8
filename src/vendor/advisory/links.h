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

/* The files of an advisory, below the repository: the page, the plain text, OpenVEX, CSAF and its
 * two digests; the last is the OSV record, which not every advisory has. `first_date` as by
 * advisory_first_date(). */
#define LINKS_FILES    7
#define LINKS_FILE_OSV (LINKS_FILES - 1)
char *links_file(const char *name, int64_t first_date, size_t number);

char *links_csaf(const Vendor *vendor, const Advisory *advisory, const char *name);
char *links_page(const Vendor *vendor, const char *name);
