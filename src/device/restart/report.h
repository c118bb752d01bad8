/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Report: a plan, and what became of it, as one JSON object. suture-restart(8) has the members;
 * "schema" is 1. NULL when memory is short; the caller owns the reference.
 */
#include <jansson.h>

#include "device/restart/plan.h"

typedef struct Report {
	const Plan *plan;
	RestartScope scope;
	size_t gone;
	bool has_manager; /* somebody manages services here */
	bool has_run;
	size_t failed;
} Report;

json_t *report_json(const Report *report);

/* The same for people, on standard output. */
void report_print(const Report *report);
