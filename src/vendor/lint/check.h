/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the checks of lint (lint-*.c) share. A check looks at one changed file, or at all of them,
 * adds what it finds, and returns 0, or a negative errno for what kept it from looking. */
#include "vendor/files/elf-file.h"
#include "vendor/lint/lint.h"

typedef struct Lint {
	const LintRequest *request;
	const Changes *changes;
	LintReport *report;
	const char *check; /* the one that runs */
} Lint;

/* One change as the checks see it. */
typedef struct LintFile {
	const Change *change;
	const Component *owner;    /* of those that were chosen; NULL: none */
	char *old_path, *new_path; /* what there was and is; may not exist */
	ElfFile old, new;          /* empty where there is no regular file */
	bool has_predecessor;      /* `old` is what was there before, perhaps under another name */
} LintFile;

typedef int LintFileCheck(const Lint *lint, const LintFile *file);
typedef int LintWholeCheck(const Lint *lint);

/* The sentence comes behind the file's path and a colon. */
int lint_error(const Lint *lint, const LintFile *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int lint_warning(const Lint *lint, const LintFile *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether a path is there below a root, whatever it is. */
bool lint_exists(const char *root, const char *path);

/* Whether one of the changes has this path. */
const Change *lint_find_change(const Lint *lint, const char *path);

/* place.c: what belongs to the component, and what to nobody's improvement */
LintFileCheck lint_check_place, lint_check_type, lint_check_derived;
LintWholeCheck lint_check_directories;

/* abi.c: what others rely on in a library */
LintFileCheck lint_check_soname, lint_check_symbols, lint_check_types, lint_check_needed;

/* attributes.c: owner, mode, capabilities, labels */
LintFileCheck lint_check_mode, lint_check_owner, lint_check_capability, lint_check_label;

/* python.c */
LintFileCheck lint_check_python;

/* identity.c: for which version the files say that they are */
LintFileCheck lint_check_identity;

/* size.c: what need not be in the image */
LintFileCheck lint_check_stripped, lint_check_needless;
LintWholeCheck lint_check_twins;

/* restart.c: who runs it, and what must change together */
LintFileCheck lint_check_restart, lint_check_libc;
