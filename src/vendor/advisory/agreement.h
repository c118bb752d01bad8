/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Agreement: whether the published forms of one advisory say the same, as far as each says it: its
 * entry in the feed, CSAF, OpenVEX, OSV, the page and the plain text. Pure; what is signed is the
 * business of who calls (vendor/upkeep/advisory-check.h).
 */
#include <jansson.h>

#include "base/reason.h"

typedef struct AgreementForms {
	const json_t *feed;
	const json_t *told; /* the advisory's entry in it */
	const char *name;   /* of its files */
	const json_t *csaf, *openvex;
	const json_t *osv; /* or NULL */
	const char *page, *mail;
} AgreementForms;

/* -EBADMSG with a reason that names the file: what it says is not what the feed says, or OpenVEX
 * and OSV not what CSAF says. `promises` gets a member "PRODUCT:BASE[:LABEL] CVE" for everything
 * that is said to be fixed, with the advisory's id. */
int agreement_check(const AgreementForms *forms, json_t *promises, Reason *reterr_reason);
