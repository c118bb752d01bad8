/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Provider: what makes of a folder of CSAF documents a CSAF provider (CSAF 2.0, section 7.1): who
 * that is, which documents there are, when each changed, and the line in security.txt (RFC 9116)
 * by which all of it is found. The lists are of what is public at `now`; 0 or -ENOMEM.
 */
#include "vendor/advisory/advisory.h"

/* provider-metadata.json; a new reference. NULL: no memory. `previous`: the present one or NULL,
 * whose date is kept while there is no document that has one. */
json_t *provider_metadata(
	const AdvisoryList *list, const Vendor *vendor, const json_t *previous, int64_t now);

int provider_index(const AdvisoryList *list, int64_t now, Buffer *ret_text);   /* index.txt */
int provider_changes(const AdvisoryList *list, int64_t now, Buffer *ret_text); /* changes.csv */

/* security.txt has to say until when it is good. `previous`: the present file or NULL, whose date
 * is kept while enough of it is left, so that the file does not change without need. */
int64_t provider_expiry(const char *security_txt); /* 0: it does not say */
#define PROVIDER_GOOD_DAYS  365
#define PROVIDER_FRESH_DAYS 180
int provider_security_txt(
	const Vendor *vendor, const char *previous, int64_t now, Buffer *ret_text);
