/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Matrix: from rebuilt components to drafts, for many bases and components at once. A cell is one
 * component for one base.
 *
 *     Matrix matrix = {.workspace = …, …};       what to make, see below
 *     matrix_open(&matrix, &reason);             unpacks packages and images
 *     matrix_look(&matrix, &reason);             compares every base with its rebuild and lints it
 *     if (matrix.errors == 0)
 *             matrix_make(&matrix, &reason);     images, payloads, drafts
 *     … matrix.cells …; the caller saves the drafts
 *     matrix_done(&matrix);
 *
 * Bases are looked at, and cells made, by as many threads as `jobs` says. The image of every cell
 * is made, which is how one knows what it is; a payload is made once for the same image from the
 * same files of the base, be it for a sibling base or in an earlier run (made.h).
 */
#include <pthread.h>

#include "vendor/work/draft.h"
#include "vendor/lint/lint.h"

#define MATRIX_DEBS_MAX 64

typedef struct DebPair {
	char *old_deb, *new_deb;
} DebPair;

typedef struct MatrixBase {
	const Base *base;
	char *given;                   /* a finished tree, or an image of one; or NULL and */
	DebPair debs[MATRIX_DEBS_MAX]; /* packages whose files replace those of the base */
	size_t deb_count;
	char *old_root, *new_root; /* what is compared; set by matrix_open() */
	Changes changes;           /* set by matrix_look(), with `report` */
	LintReport report;
} MatrixBase;

typedef enum MatrixState {
	MATRIX_DRAFT,     /* `draft` is there */
	MATRIX_UNCHANGED, /* nothing that belongs to the component differs */
	MATRIX_ABSENT,    /* and the base has no file of it */
} MatrixState;

typedef struct MatrixCell {
	const MatrixBase *base;
	const Component *component;
	MatrixState state;
	Changes changes; /* the component's: the paths belong to the base's changes */
	Draft draft;
	Digest key;                    /* of the payloads, see made.h */
	const struct MatrixCell *twin; /* the cell whose payloads it takes; NULL: none */
	bool is_taken;                 /* all its payloads were made before */
} MatrixCell;

typedef struct Matrix {
	const Workspace *workspace;
	const Components *components;
	const Component **chosen;
	size_t chosen_count;
	const IdentityRules *rules;
	const char *fixes_path; /* NULL: only matrix_look() */
	const char *partition;  /* of images, see disk-image.h; NULL: found */
	MatrixBase *bases;      /* in the order of the command line */
	size_t base_count;
	unsigned jobs;

	char *folder;      /* for what is made on the way */
	size_t errors;     /* of all reports */
	MatrixCell *cells; /* by base, then by component */
	size_t cell_count;
	pthread_mutex_t lock; /* of what cells tell each other */
	size_t made, taken;   /* cells whose payloads were made, and were not */
} Matrix;

int matrix_open(Matrix *matrix, Reason *reterr_reason);
int matrix_look(Matrix *matrix, Reason *reterr_reason);

/* Every base has a good report. -EINVAL with a reason when there is nothing to put into an image.
 */
int matrix_make(Matrix *matrix, Reason *reterr_reason);
void matrix_done(Matrix *matrix);
#define _cleanup_matrix_ _cleanup_(matrix_done)

/* A cell of an earlier base with the same component and a draft, to compare with; NULL: none. */
const MatrixCell *matrix_sibling(const Matrix *matrix, const MatrixCell *cell);
