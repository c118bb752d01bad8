/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Regression: fixes that a base got as improvements, and that a newer base lacks. Devices that go
 * to the newer base would lose them.
 *
 *     const Base *predecessor = regression_predecessor(workspace, base);
 *     r = regressions_find(repository, base, predecessor, channel, declared, &found, &reason);
 *     if (found.count > 0) …                     refused, or published with a reason
 *     regressions_done(&found);
 *
 * What the newest improvement that was not withdrawn changed is compared by content: a file with
 * the bytes of the fix has it, one with the bytes of the base before certainly lacks it. Any other
 * is taken for fixed where the vendor declares so (base add --includes).
 */
#include "vendor/repository/repository.h"

typedef enum RegressionCause {
	REGRESSION_OLD_BYTES,  /* the file is the one without the fix: no declaration helps */
	REGRESSION_UNDECLARED, /* other bytes, or no such file, and nobody says that it is fixed */
} RegressionCause;
extern const char *const regression_causes[];

typedef struct Regression {
	RegressionCause cause;
	const char *path, *component; /* of the index */
} Regression;

typedef struct Regressions {
	const Base *predecessor;
	Index index;                 /* the predecessor's */
	const Improvement *standing; /* NULL: it never got one */
	Regression *items;
	size_t count;
	bool is_proven; /* every file has the bytes of the fix */
} Regressions;

/* The registered base of the same line with the highest version below; NULL: none. */
const Base *regression_predecessor(const Workspace *workspace, const Base *base);

/* `declared`: up to which sequence of the predecessor the base is said to contain; 0: none. */
int regressions_find(Repository *repository, const Base *base, const Base *predecessor,
	const char *channel, uint64_t declared, Regressions *ret, Reason *reterr_reason);
void regressions_done(Regressions *regressions);
#define _cleanup_regressions_ _cleanup_(regressions_done)

/* What is missing as a list of {"path", "component", "cause", "cves"}; NULL: no memory. */
json_t *regressions_json(const Regressions *regressions);

/* The member `lacks` of the index's `optional` (doc/format/index.md): the reason that the vendor
 * gives, and what is missing. NULL: no memory. */
json_t *regressions_publish(const Regressions *regressions, const char *reason);
