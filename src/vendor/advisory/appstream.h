/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Appstream: a product's improvements as the external release file of its AppStream component (the
 * metainfo file of the operating system names it: `<releases type="external" url="…"/>`), for
 * software centres. Withdrawn ones are not among them.
 *
 * AppStream compares versions, and would take 26.3.1-z for newer than 26.3.1-aa: of the
 * improvements of one version, those with fewer letters than its newest are left out.
 */
#include "vendor/advisory/advisory.h"

/* "advisories/exampleos.releases.xml"; the caller frees. NULL: no memory. */
char *appstream_file(const char *product);

/* 0 or -ENOMEM. */
int appstream_write(const AdvisoryList *list, const char *product, const Vendor *vendor,
	int64_t now, Buffer *ret_text);
