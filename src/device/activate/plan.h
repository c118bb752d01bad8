/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Plan: what it takes to show one generation, from proof to move.
 *
 *     plan_make()      read and prove the record, and its images      nothing is changed
 *     plan_survey()    look at every directory, refuse what is in the way
 *     plan_build()     all overlays, aside, below /run/suture
 *     plan_move()      put them on, back to back; on failure everything is put back
 *
 * Generation 0 has nothing to prove or build: its plan takes all grafts off.
 */
#include "device/activate/graft.h"
#include "device/store/proof.h"

typedef struct Plan {
	uint32_t number;
	Generation *generation; /* NULL for the base */
	Proof *proof;           /* NULL for the base */
	Wanted wanted;
	SealPolicy policy;
	Sealed *sealed; /* the images, proved */
	Digest *images; /* their digests */
	bool *attached; /* which of them plan_build() attached */
	Graft *grafts;  /* the directories of the generation first, then those that fall away */
	size_t graft_count;
	char *overlay_name;
} Plan;

/* Without `verify_images` the files are neither opened nor proved: for looking only. */
int plan_make(const Runtime *runtime, uint32_t number, bool verify_images, Plan **ret,
	Reason *reterr_reason);
Plan *plan_free(Plan *plan);
DEFINE_CLEANUP(Plan *, plan_free)

size_t plan_image_count(const Plan *plan);

/* Finds out what each directory shows now, and which other directories are grafted. */
int plan_inspect(Plan *plan, const Runtime *runtime, Reason *reterr_reason);

/* plan_inspect(), and refuse what is in the way. `live`: processes run, so an image whose parts
 * must not meet is refused while it is in use. */
int plan_survey(Plan *plan, const Runtime *runtime, bool live, Reason *reterr_reason);

/* How many directories do not show what they should. */
size_t plan_changes(const Plan *plan);

int plan_build(Plan *plan, Runtime *runtime, Reason *reterr_reason);

/* After a failure: takes down what plan_build() made. */
void plan_unbuild(const Plan *plan, Runtime *runtime);

/* *ret_microseconds: from the first step of the first directory to the last of the last. */
int plan_move(Plan *plan, Runtime *runtime, uint64_t *ret_microseconds, Reason *reterr_reason);
