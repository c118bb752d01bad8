/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fixes: the vendor's file that says what an improvement fixes (doc/format/fixes.md, sample in
 * examples/fixes.json). Advisories are made from it, and it travels as the improvement's notes.
 */
#include "wire/improvement/index.h"

#define FIXES_ID_BYTES 64
#define FIXES_SCHEMA   2   /* the newest; older files are read as well */
#define FIXES_MAX      512 /* in one file */

typedef struct Fix {
	char *cve;
	char *component;
	char *impact;
	char *description;
	char *credit; /* may be NULL */
	SCHEMA_LIST(char *) references;
	bool exploited; /* known to be used in attacks */
	char *cvss;     /* vector; may be NULL. Schema 2 */
} Fix;

typedef struct Fixes {
	uint64_t schema; /* 1 or FIXES_SCHEMA */
	char *id;        /* of the advisory, "EXAMPLE-2026-0001" */
	char *title;
	int urgency;      /* Urgency */
	int64_t released; /* 0: when it is published */
	SCHEMA_LIST(Fix) fixes;
} Fixes;

extern const SchemaField fixes_fields[];

void fixes_clear(Fixes *fixes);
#define _cleanup_fixes_ _cleanup_(fixes_clear)
