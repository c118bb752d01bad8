/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fixes: the vendor's file that says what an improvement fixes (doc/format/fixes.md, sample in
 * examples/fixes.json). Advisories are made from it, and it travels with the improvement: all files
 * of one are its notes, a bare JSON list, which devices show.
 */
#include "wire/improvement/index.h"

#define FIXES_ID_BYTES 64
#define FIXES_SCHEMA   2   /* the newest; older files are read as well */
#define FIXES_MAX      512 /* in one file */
#define FIXES_LIST_MAX 64  /* files of one improvement: one for each component */

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

typedef struct FixesList {
	SCHEMA_LIST(Fixes) notes;
} FixesList;

/* The notes of an improvement, verified beforehand. Strict; but of a file whose schema is newer
 * than FIXES_SCHEMA only the members that are known here are taken. -EBADMSG with a reason. */
int fixes_list_read(const void *data, size_t size, FixesList *ret_list, Reason *reterr_reason);

void fixes_list_clear(FixesList *list);
#define _cleanup_fixes_list_ _cleanup_(fixes_list_clear)

/* The first fix of this CVE; NULL: there is none. It lives as long as the list. */
const Fix *fixes_list_find(const FixesList *list, const char *cve);
