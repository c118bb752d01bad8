/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * AdvisoriesScreen: what `suture advisories` shows, as screen.h makes it: a list of the
 * improvements that are known here, or, about something, the whole text of those that it is about.
 */
#include <jansson.h>

#include "device/manager/known.h"

typedef struct AdvisoriesShown {
	const Manager *manager;
	const Known *known;
	const char *about; /* a label, a sequence, an advisory's id or a CVE; NULL: the list */
} AdvisoriesShown;

/* 0, or -ENOENT with a reason: nothing that is known is about it. */
int advisories_check(const AdvisoriesShown *shown, Reason *reterr_reason);

/* Whether a CVE is among what is asked for. */
bool advisories_want(const AdvisoriesShown *shown, const char *cve);

/* The text for a CVE in any notes that are here; NULL: there is none. */
const Fix *advisories_find_text(const Known *known, const char *cve);

json_t *advisories_screen(const AdvisoriesShown *shown);
void advisories_screen_print(const json_t *advisories);
