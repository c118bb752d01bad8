/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AdvisoryLook: what AdvisoryCheck has read of the unsigned files, between its two parts: what they
 * are and say of each other (advisory-check.c), and what is signed of it (advisory-signed.c).
 */
#include "vendor/advisory/feed.h"
#include "vendor/upkeep/advisory-check.h"

typedef struct AdvisoryLook {
	AdvisoryCheck *check;
	json_t *feed;
	FeedFiles files;
	json_t *bad;          /* paths of files that are not as the feed lists them */
	json_t *bases;        /* "PRODUCT:BASE" → the feed's base */
	json_t *improvements; /* "PRODUCT:BASE:LABEL" → the feed's improvement */
	json_t *promises;     /* as agreement_check() fills it */
	bool is_partial;      /* an advisory could not be looked at */
	Reason *reason;       /* of the check: what a fault is told by */
} AdvisoryLook;

/* Notes a fault, with what to do about it. 0 or -ENOMEM. */
int advisory_look_fault(const AdvisoryLook *look, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "PRODUCT:BASE"; the caller frees. NULL: no memory. */
char *advisory_look_base_key(const char *product, const char *base);

/* Whether signed metadata names the base. */
bool advisory_look_has_base(const AdvisoryCheck *check, const char *product, const char *key);

/* Whether the feed has an improvement of this machine label that is not withdrawn. */
bool advisory_signed_offers(const AdvisoryLook *look, const char *label);

/* Whether the feed says of bases and improvements what is signed of them. 0 or -ENOMEM. */
int advisory_signed_check(const AdvisoryLook *look);

/* The same of what the advisories say is fixed; and whether they say of all of it. */
int advisory_signed_check_promises(const AdvisoryLook *look);
