/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ExposureScreen: what `suture exposure` shows, as screen.h makes it. "entries" are by process and
 * file, "units" and "cves" the same by unit and by CVE. A process that runs old code is under
 * "pids"; one of which only is known that it may is under "may_run_pids", and nowhere else.
 */
#include <jansson.h>

#include "device/manager/manager.h"

/* Where the improvement is, in the order of exposure_state_names. */
typedef enum ExposureState {
	EXPOSURE_OFFERED,
	EXPOSURE_STAGED, /* it becomes active at the next restart */
	EXPOSURE_APPLIED,
} ExposureState;
extern const char *const exposure_state_names[];

typedef struct ExposureShown {
	const Manager *manager;
	const ExposureFiles *files;
	const ExposureList *list;
	uint64_t sequence; /* of the improvement that the files are of; 0: none is known */
	ExposureState state;
	const char *cve; /* only what this one is about; NULL: all */
} ExposureShown;

/* Whether the improvement says that it fixes this CVE. */
bool exposure_screen_knows(const ExposureFiles *files, const char *cve);

json_t *exposure_screen(const ExposureShown *shown);
void exposure_screen_print(const json_t *exposure);
