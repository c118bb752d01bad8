/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Activation: the verbs of suture-activate.
 *
 * One at a time: activation_open() holds ROOT/run/suture.lock until activation_free(). Whatever a
 * crash left between two steps is repaired first by the next verb.
 */
#include "device/activate/plan.h"

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

/* -EBUSY when another one is at work; with `look` nothing is locked, for reading only. */
int activation_open(
	const char *root, unsigned features, bool look, Activation **ret, Reason *reterr_reason);
Activation *activation_free(Activation *activation);
DEFINE_CLEANUP(Activation *, activation_free)

/* Proves generation N, builds all of it aside, makes it `current`, and moves it on. On failure
 * mounts and `current` are as before. 0 is the base; -EBUSY for any other during a pause. */
int activation_switch(
	Activation *activation, uint32_t number, ActivationResult *ret, Reason *reterr_reason);

/* Proves generation N and makes it `current`, but leaves the mounts: it is grafted at the next
 * boot, for what cannot be changed under running programs. */
int activation_select(
	Activation *activation, uint32_t number, ActivationResult *ret, Reason *reterr_reason);

/* Takes everything off and keeps it off, for somebody who changes the base, such as a package
 * manager: until activation_resume(), or the next boot, nothing is grafted. `current` stays, and
 * old overlays that processes map stay known. */
int activation_pause(Activation *activation, ActivationResult *ret, Reason *reterr_reason);

/* Ends a pause and shows what was shown before it, which `current` need not be: that may wait for
 * the next boot. The base where `current` is that by now, or where it is not possible any more, as
 * with activation_apply(). -ENODATA when there is no pause. */
int activation_resume(Activation *activation, ActivationResult *ret, Reason *reterr_reason);

/* Makes the mounts what `current` says, and ends a pause. On any doubt the base is shown instead,
 * the reason is recorded for `status`, and the error is returned; `current` stays. */
int activation_apply(Activation *activation, ActivationResult *ret, Reason *reterr_reason);

/* Takes everything off, /run/suture too, and compares with the base. `current` stays. */
int activation_detach(Activation *activation, ActivationResult *ret, Reason *reterr_reason);
