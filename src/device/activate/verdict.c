/* SPDX-License-Identifier: Apache-2.0 */
/* Activation, third part: how a trial ends. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device/activate/activation.h"
#include "device/activate/pause.h"
#include "device/store/history.h"

/* `number` 0: whichever it is. */
static int need_trial(
	const Activation *activation, uint32_t number, Trial **ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	int r = activation_trial(activation, &trial, reterr_reason);

	if (r > 0)
		return reason_set(reterr_reason, -ENODATA, "nothing is on trial");
	if (r == 0 && number > 0 && trial->generation != number)
		return reason_set(reterr_reason, -ENODATA,
			"generation %u is on trial by now, not %u", trial->generation, number);
	if (r == 0)
		*ret = TAKE_PTR(trial);
	return r;
}

static uint32_t sequence_of(const Activation *activation, uint32_t number)
{
	_cleanup_(generation_freep) Generation *generation = NULL;

	return store_read_generation(activation->store, number, &generation, NULL) == 0
		? generation->sequence
		: 0;
}

int activation_settle(
	Activation *activation, uint32_t number, ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	char text[64];
	int r = need_trial(activation, number, &trial, reterr_reason);

	if (r == 0)
		r = trial_clear(activation->store, reterr_reason);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "after %u seconds of trial",
		trial->boot[0] == '-' ? 0 : trial->window);
	history_append(activation->store, "settled", trial->generation,
		sequence_of(activation, trial->generation), text, NULL);
	*ret = (ActivationResult){.generation = trial->generation};
	return 0;
}

/* What the generation before has too has proved itself there. */
static int mark_images(
	Activation *activation, const Trial *trial, const char *why, bool for_good, Reason *reason)
{
	_cleanup_(generation_freep) Generation *is = NULL, *before = NULL;
	int r = store_read_generation(activation->store, trial->generation, &is, NULL);

	if (r == 0 && trial->before > 0)
		r = store_read_generation(activation->store, trial->before, &before, NULL);
	if (r == -ENOMEM)
		return r;
	r = 0; /* a record that cannot be read names no image, and is not grafted again either */
	for (size_t i = 0; is && r == 0 && i < is->image_count; i++) {
		Seal seal;

		if (seal_parse(is->images[i].seal, is->images[i].seal_size, &seal, NULL) == 0 &&
			!generation_has_image(before, &seal.image))
			r = store_mark_bad(activation->store, &seal.image, why, for_good, reason);
	}
	return r;
}

int activation_condemn(Activation *activation, const Trial *trial, const char *why, bool for_good,
	Reason *reterr_reason)
{
	uint32_t sequence = sequence_of(activation, trial->generation);
	int r = mark_images(activation, trial, why, for_good, reterr_reason);

	/* first what keeps it from coming back, then the way back: a crash in between is noticed by
	 * the next boot, which finds a bad image on trial */
	if (r == 0)
		r = store_set_current(activation->store, trial->before, reterr_reason);
	if (r < 0)
		return r;
	history_append(activation->store, "reverted", trial->generation, sequence, why, NULL);
	return trial_clear(activation->store, reterr_reason);
}

/* Processes run, but nothing may veto the way back: only what settled before and cannot be shown
 * gives way to the base. */
static int show_number(
	Activation *activation, uint32_t number, ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = activation_prepare(activation, number, false, &plan, reterr_reason);

	if (r == 0)
		r = activation_commit(activation, plan, ret, reterr_reason);
	if (r < 0 && plan)
		plan_unbuild(plan, activation->runtime);
	if (r == 0)
		activation_collect(activation, plan);
	return r;
}

int activation_revert(Activation *activation, uint32_t number, const char *why, bool for_good,
	ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	Reason note = {};
	int condemned, shown, r = need_trial(activation, number, &trial, reterr_reason);

	if (r < 0)
		return r;
	condemned = activation_condemn(activation, trial, why, for_good, reterr_reason);
	/* the mounts do not wait for a disk that cannot be written; but somebody who changes the
	 * base wants nothing mounted, and ends the pause */
	if (pause_is_on(activation->store)) {
		*ret = (ActivationResult){};
		shown = pause_store(activation->store, trial->before, reterr_reason);
	} else {
		shown = show_number(activation, trial->before, ret, reterr_reason);
		if (shown < 0 && trial->before > 0)
			shown = show_number(activation, 0, ret, reterr_reason);
	}
	reason_set(&note, 0, ACTIVATION_REVERTED, trial->generation, why);
	(void)runtime_set_note(activation->runtime, RUNTIME_NOTE_REASON, note.text);
	return shown < 0 ? shown : condemned;
}
