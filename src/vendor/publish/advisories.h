/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Advisories: the published files that tell people and programs what was fixed (vendor/advisory),
 * made from the public channel's indexes, as they will be when what is pending is published.
 *
 *     REPOSITORY/advisories/     index.html, feed.json, and NAME.html, .txt, .openvex.json and
 *                                .osv.json of each
 *     REPOSITORY/.well-known/    security.txt, and csaf/ in the layout of a CSAF provider
 *     WORK/advisories/NAME.json  the record of each, for ever: an index lists a base's newest
 *                                improvements only
 *     WORK/vendor.json           the vendor's, by hand: without it there are records and nothing
 *                                public
 *
 * All of it goes into the outbox, and so becomes public behind the metadata of the same change.
 * Drafts, rehearsals, and what is planned for later than now are in none of it.
 */
#include "wire/improvement/fixes.h"
#include "vendor/repository/repository.h"

typedef enum AdvisoriesScope {
	ADVISORIES_CHANGED, /* with a change: what it changes, where there is a vendor.json */
	ADVISORIES_ALL,     /* all that is not as it should be; -ENOENT without a vendor.json */
} AdvisoriesScope;

/* Another text for an advisory that was published (vendor/advisory/history.h), and why. */
typedef struct AdvisoriesCorrection {
	Fixes *fixes;
	const char *why;
	bool is_new; /* set when there was something to correct */
} AdvisoriesCorrection;

/* As ADVISORIES_CHANGED, and -ENOENT without a vendor.json. */
int advisories_correct(Repository *repository, AdvisoriesCorrection *correction, size_t *ret_count,
	Reason *reterr_reason);

/* ret_count: public files that will change. */
int advisories_put(
	Repository *repository, AdvisoriesScope scope, size_t *ret_count, Reason *reterr_reason);
