/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lint: what may not become an improvement, and what the vendor should look at before it does
 * (rules 1, 6 and 8 of grafting). All findings are reported at once, before anything is made.
 *
 *     lint_drop_ignored(components, &changes);
 *     r = lint_run(&request, &changes, &report, &reason);      0 also where there are errors
 *     … report.errors, report.items …
 *     lint_report_done(&report);
 *
 * The checks are the tables in lint.c; each lives in the file of its subject, lint-*.c.
 * suture-publish(1) lists what they find.
 */
#include <jansson.h>

#include "vendor/files/changes.h"
#include "vendor/files/component.h"
#include "vendor/lint/identity-rules.h"

typedef enum LintLevel { LINT_WARNING, LINT_ERROR } LintLevel;

typedef struct LintFinding {
	LintLevel level;
	const char *check; /* the name of the check; static */
	char *path;        /* the file, or "" where it is about the component */
	char *text;        /* one sentence: the file, what is wrong, what to do */
} LintFinding;

typedef struct LintReport {
	LintFinding *items; /* in the order of the files */
	size_t count, errors;
} LintReport;

typedef struct LintRequest {
	const Component *const *chosen; /* whose files may change */
	size_t chosen_count;
	const IdentityRules *rules;
	const char *base_root;           /* the whole base, to see what else there is */
	const char *old_root, *new_root; /* what was compared: of packages, only their files */
} LintRequest;

/* Drops changes that the vendor said do not matter, and new folders: the image makes them. */
void lint_drop_ignored(const Components *components, Changes *changes);

/* Adds to the report. A negative errno with a reason only for what kept it from looking. */
int lint_run(const LintRequest *request, const Changes *changes, LintReport *report,
	Reason *reterr_reason);

/* For findings that are made elsewhere: the text is the formatted sentence. 0 or -ENOMEM. */
int lint_report_add(LintReport *report, LintLevel level, const char *check, const char *path,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
void lint_report_done(LintReport *report);

extern const char *const lint_levels[];

/* A list of {"level", "check", "path", "text"}. NULL when memory is short. */
json_t *lint_report_json(const LintReport *report);
