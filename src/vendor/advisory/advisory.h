/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Advisory: what was fixed, which improvements carry it, and what became of them. This is the model
 * that all writers of this folder start from; they are pure and give the same bytes for the same
 * model. It is also the record that a publisher keeps of every advisory for ever, because an index
 * lists a base's newest improvements only (history.h makes it from indexes).
 */
#include "wire/improvement/fixes.h"
#include "vendor/advisory/vendor.h"
#include "wire/identity/identity.h"
#include "wire/terms/label.h"

typedef struct AdvisoryPayload {
	int kind; /* PayloadKind */
	char *encoding;
	Digest sha256;
	uint64_t size; /* bytes to download */
} AdvisoryPayload;

typedef struct AdvisoryImage {
	char *component;
	Digest sha256; /* of the uncompressed image */
	uint64_t size;
	SCHEMA_LIST(AdvisoryPayload) payloads; /* best first */
} AdvisoryImage;

typedef struct AdvisoryWithdrawal {
	int level; /* WithdrawalLevel */
	int64_t issued;
	char *reason;
	uint64_t replacement; /* a sequence, or 0 */
} AdvisoryWithdrawal;

/* An improvement of one base that carries at least one of the advisory's fixes. */
typedef struct AdvisoryRelease {
	char *product;
	char *base;    /* base key */
	char *version; /* VERSION_ID */
	uint64_t sequence;
	bool carried; /* it is not the advisory's own: one that came when those were withdrawn */
	int64_t published;
	int urgency;                 /* Urgency */
	char *summary;               /* of the improvement, which may hold other advisories too */
	int restart;                 /* RestartScope, the widest of its images */
	SCHEMA_LIST(IndexFix) fixes; /* of this advisory */
	SCHEMA_LIST(AdvisoryImage) images;
	AdvisoryWithdrawal *withdrawal; /* or NULL */
} AdvisoryRelease;

/* A newer base that contains what an older one got up to a sequence. */
typedef struct AdvisoryInclusion {
	char *product;
	char *base;    /* the newer */
	char *version; /* its VERSION_ID */
	char *from;    /* base key of the older */
	uint64_t sequence;
	SCHEMA_LIST(char *)
	cves; /* that it brings; what was withdrawn before it is not among them */
} AdvisoryInclusion;

typedef struct AdvisoryRevision {
	int64_t date;
	char *summary;
} AdvisoryRevision;

typedef struct Advisory {
	uint64_t schema;                       /* 1 */
	Fixes *fixes;                          /* the text, as it was published last */
	SCHEMA_LIST(AdvisoryRelease) releases; /* by product, base and sequence */
	SCHEMA_LIST(AdvisoryInclusion) includes;
	SCHEMA_LIST(AdvisoryRevision) revisions; /* oldest first; a published one is never empty */
} Advisory;

extern const SchemaField advisory_fields[];
void advisory_clear(Advisory *advisory);

typedef struct AdvisoryEntry {
	Advisory advisory;
	char *name;   /* of its files */
	Buffer news;  /* what history.h saw change since the last revision */
	bool changed; /* history_close() made another revision */
} AdvisoryEntry;

typedef struct AdvisoryList {
	AdvisoryEntry *items;
	size_t count;
} AdvisoryList;

void advisory_list_done(AdvisoryList *list);
#define _cleanup_advisory_list_ _cleanup_(advisory_list_done)

/* Takes the advisory's content on success. -EEXIST with a reason when another one's files have the
 * same name. */
int advisory_list_add(AdvisoryList *list, Advisory *advisory, Reason *reterr_reason);

/* Newest first: what was released last, and the last by name where that is the same. */
void advisory_list_sort(AdvisoryList *list);

/* The name of an advisory's files for its id, by the rule of CSAF 2.0 section 5.1: lower case, and
 * one "_" for what is not of [a-z0-9+-]. */
#define ADVISORY_NAME_SIZE (FIXES_ID_BYTES + 1)
void advisory_name(const char *id, char ret_name[static ADVISORY_NAME_SIZE]);

int64_t advisory_first_date(const Advisory *advisory);
int64_t advisory_last_date(const Advisory *advisory);

/* Whether it may be shown: nothing is told before the time that the vendor planned. */
bool advisory_is_public(const Advisory *advisory, int64_t now);

/* `component` NULL: any. */
bool advisory_release_has(const AdvisoryRelease *release, const char *cve, const char *component);
bool advisory_release_has_cve(const AdvisoryRelease *release, const char *cve);

/* Whether any base got it: a fixes file may hold more than was released. */
bool advisory_is_released(const Advisory *advisory, const Fix *fix);

/* Whether it is released and none before it in the text has its CVE: for going over the CVEs. */
bool advisory_is_first_of_cve(const Advisory *advisory, size_t fix);

bool advisory_same_base(const AdvisoryRelease *a, const AdvisoryRelease *b);

/* Whether the release is the first that is listed for its base: for going over the bases. */
bool advisory_is_first_of_base(const Advisory *advisory, size_t release);

/* What to install on the base of `of`: its first release with the fix that is not withdrawn, or
 * NULL. `component` NULL: any. */
const AdvisoryRelease *advisory_remedy(const Advisory *advisory, const AdvisoryRelease *of,
	const char *cve, const char *component);

/* Whether the newer base of an inclusion contains the fix, by this or another inclusion. One that
 * got it by a release of its own is told by that. */
bool advisory_includes_cve(
	const Advisory *advisory, const AdvisoryInclusion *newer, const char *cve);

/* Whether no inclusion before it is of the same newer base, which may include several older ones.
 */
bool advisory_is_first_inclusion(const Advisory *advisory, size_t inclusion);

/* The parts of a base key behind the version. */
typedef struct AdvisoryBaseParts {
	char variant[IDENTITY_KEY_MAX + 1]; /* "" for none */
	char architecture[IDENTITY_KEY_MAX + 1];
} AdvisoryBaseParts;
void advisory_base_parts(const char *key, const char *version, AdvisoryBaseParts *ret);

/* "Example OS 26.3.1 desktop (x86_64)"; for sequence 1 "Example OS 26.3.1-a desktop (x86_64)". The
 * caller frees; NULL: no memory. */
char *advisory_base_title(const Vendor *vendor, const char *product, const char *key,
	const char *version, uint64_t sequence);
