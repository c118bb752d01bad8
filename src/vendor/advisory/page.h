/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Page: advisories for people, as HTML pages of one file each: no script, nothing from elsewhere,
 * readable in light and dark, on paper and on a narrow screen. 0 or -ENOMEM.
 */
#include "vendor/advisory/advisory.h"

/* `name` is the one of its files, which lie beside it. */
int page_write(const Advisory *advisory, const char *name, const Vendor *vendor, Buffer *ret_page);

/* index.html: all of them that are public at `now`, newest first; the list is sorted. */
int page_write_index(const AdvisoryList *list, const Vendor *vendor, int64_t now, Buffer *ret_page);

/* "22 November 2026" */
#define PAGE_DATE_SIZE 24
void page_date(int64_t seconds, char ret_date[static PAGE_DATE_SIZE]);
