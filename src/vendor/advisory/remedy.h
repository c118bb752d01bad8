/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Remedy: what the owner of a base can do about a flaw, in words: install an improvement, update to
 * a newer base that contains the fix, or nothing yet. */
#include "vendor/advisory/advisory.h"

/* Whether the release is the first listed for its base that has the CVE: for going over the bases
 * that are affected. */
bool remedy_is_first_of_base(const Advisory *advisory, size_t release, const char *cve);

/* Whether there is anything for the base of `of` that is not withdrawn. */
bool remedy_exists(const Advisory *advisory, const AdvisoryRelease *of, const char *cve);

/* A sentence or two; the caller frees. NULL: no memory. */
char *remedy_text(const Advisory *advisory, const AdvisoryRelease *of, const char *cve);
