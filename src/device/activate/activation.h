/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Activation: the verbs of suture-activate. doc/design/activation.md has the states.
 *
 * One at a time: activation_open() holds RUN/suture.lock until activation_free(). Whatever a crash
 * left between two steps is repaired first by the next verb.
 */
#include "device/activate/plan.h"
#include "device/store/trial.h"

typedef struct Activation {
	Store *store;
	Runtime *runtime;
	int lock;
} Activation;

typedef struct ActivationResult {
	uint32_t generation;   /* that is shown now */
	size_t directories;    /* that were changed */
	uint64_t microseconds; /* that the change took */
} ActivationResult;

/* What a new generation has to live up to. */
typedef struct ActivationTerms {
	unsigned window; /* seconds, live */
	unsigned
		boot_window; /* seconds from the graft of a boot, the rest of the boot among them */
	const char *const *units; /* that use the component now */
	size_t unit_count;
} ActivationTerms;

/* `run`: where the runtime stands; NULL: ROOT/run. -EBUSY when another one is at work; with `look`
 * nothing is locked, for reading only. */
int activation_open(const char *root, const char *run, unsigned features, bool look,
	Activation **ret, Reason *reterr_reason);
Activation *activation_free(Activation *activation);
DEFINE_CLEANUP(Activation *, activation_free)

/* Proves generation N, builds all of it aside, makes it `current`, and moves it on. On failure
 * mounts and `current` are as before. 0 is the base; -EBUSY for any other during a pause. With
 * terms it is on trial from then on, under a guard that starts before the first mount; without, it
 * counts as settled, unless its trial runs already. */
int activation_switch(Activation *activation, uint32_t number, const ActivationTerms *terms,
	ActivationResult *ret, Reason *reterr_reason);

/* Proves generation N and makes it `current`, but leaves the mounts: it is grafted at the next
 * boot, for what cannot be changed under running programs. */
int activation_select(Activation *activation, uint32_t number, const ActivationTerms *terms,
	ActivationResult *ret, Reason *reterr_reason);

/* Takes everything off and keeps it off, for somebody who changes the base, such as a package
 * manager: until activation_resume(), or the next boot, nothing is grafted. `current` stays, and
 * old overlays that processes map stay known. */
int activation_pause(Activation *activation, ActivationResult *ret, Reason *reterr_reason);

/* Ends a pause and shows what was shown before it, which `current` need not be: that may wait for
 * the next boot. The base where `current` is that by now, or where it is not possible any more, as
 * with activation_apply(). -ENODATA when there is no pause. */
int activation_resume(Activation *activation, ActivationResult *ret, Reason *reterr_reason);

/* Makes whole again what is shown in part, while `current` waits for the next boot and so cannot be
 * switched to. On failure the mounts are as before. -ENODATA when nothing is shown. */
int activation_mend(Activation *activation, ActivationResult *ret, Reason *reterr_reason);

/* Makes the mounts what `current` says, at boot, and ends a pause. On any doubt the base is shown
 * instead, the reason is recorded for `status`, and the error is returned; `current` stays.
 * `placement` says where in the boot this is (activation_placements); NULL: by hand. A generation
 * on trial loses its try before the first mount; one that has none left is reverted. 0 with the
 * reason filled and generation 0: the base is shown on purpose, because the kernel command line
 * asks for it, or because what is current belongs to another base. */
int activation_apply(Activation *activation, const char *placement, ActivationResult *ret,
	Reason *reterr_reason);
extern const char *const activation_placements[]; /* initrd, late */

/* The trial ended well: 0, or -ENODATA when nothing is on trial, or another generation than
 * `number` (0: whichever it is) by now. */
int activation_settle(
	Activation *activation, uint32_t number, ActivationResult *ret, Reason *reterr_reason);

/* The trial ended badly, for this reason: marks the images that only the generation on trial has as
 * bad (`for_good` as for store_mark_bad()), and goes back to what settled last, or the base where
 * even that cannot be shown. -ENODATA when nothing is on trial. */
int activation_revert(Activation *activation, uint32_t number, const char *why, bool for_good,
	ActivationResult *ret, Reason *reterr_reason);

/* Takes everything off, /run/suture too, and compares with the base. `current` stays. */
int activation_detach(Activation *activation, ActivationResult *ret, Reason *reterr_reason);

/* Internal steps, shared by the verbs. */
/* Everything up to the first change that anybody could see. `live`: processes run. */
int activation_prepare(
	Activation *activation, uint32_t number, bool live, Plan **ret, Reason *reterr_reason);
/* The newest generation that a directory shows; 0: none does. */
int activation_find_shown(
	const Activation *activation, uint32_t *ret_number, Reason *reterr_reason);
/* `current` and the mounts, in one step as far as people can tell. */
int activation_commit(
	Activation *activation, Plan *plan, ActivationResult *ret, Reason *reterr_reason);
int activation_move(
	Activation *activation, Plan *plan, ActivationResult *ret, Reason *reterr_reason);
int activation_take_all_off(Activation *activation, ActivationResult *ret, Reason *reterr_reason);
/* What is left over harms nobody, and the next verb collects it: no reason to call what was done a
 * failure. */
void activation_collect(Activation *activation, const Plan *plan);
/* The trial of `current`: 0, or 1 when there is none. A record for another generation, which a
 * crash left, counts for nothing. */
int activation_trial(const Activation *activation, Trial **ret, Reason *reterr_reason);
/* The store's half of a revert: bad images, `current`, history, trial. `for_good` as for
 * store_mark_bad(). */
int activation_condemn(Activation *activation, const Trial *trial, const char *why, bool for_good,
	Reason *reterr_reason);

/* The reason that `status` tells after a revert. */
#define ACTIVATION_REVERTED "generation %u was reverted: %s"
