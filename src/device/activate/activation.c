/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/time.h"
#include "device/activate/boot.h"
#include "device/activate/guard.h"
#include "device/activate/hidden.h"
#include "device/activate/pause.h"
#include "device/store/history.h"

#define LOCK_NAME "suture.lock" /* in the run folder */

Activation *activation_free(Activation *activation)
{
	if (!activation)
		return NULL;
	runtime_free(activation->runtime);
	store_free(activation->store);
	fd_close(activation->lock);
	free(activation);
	return NULL;
}

static int take_lock(Activation *activation, Reason *reterr_reason)
{
	const char *run = activation->runtime->run;
	_cleanup_free_ char *path = memory_printf("%s/" LOCK_NAME, run);
	int r = path ? path_make_directories(AT_FDCWD, run, 0755) : -ENOMEM;

	if (r < 0)
		return reason_errno(reterr_reason, r, "%s", run);
	activation->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (activation->lock < 0)
		return reason_errno(reterr_reason, -errno, "%s", path);
	if (flock(activation->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return reason_set(reterr_reason, -EBUSY,
			"another suture-activate is at work: wait until it ends, then try again");
	return reason_errno(reterr_reason, -errno, "%s", path);
}

/* What was killed while it wrote. What cannot be removed does no harm. */
static void remove_unfinished(const Activation *activation)
{
	int dir = activation->store->dir;

	if (dir < 0)
		return;
	(void)file_remove_unfinished(dir, ".", "current");
	(void)file_remove_unfinished(dir, ".", "trial");
	(void)file_remove_unfinished(dir, "bad", NULL);
}

int activation_open(const char *root, const char *run, unsigned features, bool look,
	Activation **ret, Reason *reterr_reason)
{
	_cleanup_(activation_freep) Activation *activation = memory_new(sizeof(*activation));
	int r;

	if (!activation)
		return -ENOMEM;
	activation->lock = -1;
	r = store_open(root, &activation->store, reterr_reason);
	if (r == 0)
		activation->store->run = run;
	if (r == 0)
		r = runtime_open(
			activation->store, run, features, &activation->runtime, reterr_reason);
	if (r == 0 && !look)
		r = take_lock(activation, reterr_reason);
	if (r == 0 && !look)
		remove_unfinished(activation);
	if (r == 0)
		*ret = TAKE_PTR(activation);
	return r;
}

/* What a crash left between the two steps of a replacement hides the generation that was already
 * committed: remove that first. Where `current` cannot be read nothing is known to be hidden. */
static int reconcile(Activation *activation, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *look = memory_new(sizeof(*look));
	uint32_t current;
	int r;

	if (!look)
		return -ENOMEM;
	if (store_current(activation->store, &current, NULL) < 0 || current == 0)
		return 0;
	r = store_read_generation(activation->store, current, &look->generation, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	wanted_set(&look->wanted, current, &look->generation->digest);
	r = plan_inspect(look, activation->runtime, reterr_reason);
	for (size_t i = 0; r == 0 && i < look->graft_count; i++)
		r = graft_reconcile(&look->grafts[i], reterr_reason);
	return r;
}

void activation_collect(Activation *activation, const Plan *plan)
{
	hidden_detach(plan, activation->runtime);
	runtime_collect(activation->runtime, plan->images, plan_image_count(plan), NULL);
}

int activation_prepare(
	Activation *activation, uint32_t number, bool live, Plan **ret, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = plan_make(activation->runtime, number, true, &plan, reterr_reason);

	if (r == 0)
		r = runtime_find(activation->runtime, reterr_reason);
	if (r >= 0 && number > 0)
		r = runtime_make(activation->runtime, reterr_reason);
	if (r >= 0)
		r = reconcile(activation, reterr_reason);
	if (r >= 0)
		r = plan_survey(plan, activation->runtime, live, reterr_reason);
	if (r == 0 && plan_changes(plan) > 0)
		r = plan_build(plan, activation->runtime, reterr_reason);
	if (r < 0) {
		if (plan)
			plan_unbuild(plan, activation->runtime);
		return r;
	}
	*ret = TAKE_PTR(plan);
	return 0;
}

int activation_move(
	Activation *activation, Plan *plan, ActivationResult *ret, Reason *reterr_reason)
{
	ActivationResult result = {.generation = plan->number, .directories = plan_changes(plan)};
	int r = plan_move(plan, activation->runtime, &result.microseconds, reterr_reason);

	if (r < 0)
		return r;
	/* without the lock this is a mount namespace of one command, and the label everybody's */
	if (activation->lock >= 0 && result.directories > 0)
		(void)runtime_forget_label(activation->runtime);
	for (size_t i = 0; plan->attached && i < plan_image_count(plan); i++)
		if (plan->attached[i])
			runtime_note_since(activation->runtime, &plan->images[i]);
	*ret = result;
	return 0;
}

/* The history is for people; a machine that cannot write it is fixed all the same. */
static void record(Activation *activation, const Plan *plan, const ActivationResult *result)
{
	uint32_t sequence = plan->generation ? plan->generation->sequence : 0;
	char text[128];

	snprintf(text, sizeof(text), "%zu %s in %llu microseconds", result->directories,
		result->directories == 1 ? "directory" : "directories",
		(unsigned long long)result->microseconds);
	history_append(activation->store, plan->number > 0 ? "activated" : "deactivated",
		plan->number, sequence, text, NULL);
}

/* From the store's word to the last mount nothing that a person sends may come in between:
 * `current` and the mounts would say different things. What was sent acts right after. */
static void hold_signals(sigset_t *ret_before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

int activation_commit(
	Activation *activation, Plan *plan, ActivationResult *ret, Reason *reterr_reason)
{
	uint32_t before = 0;
	int r = store_current(activation->store, &before, reterr_reason);
	bool known = r == 0, differs = !known || plan->number != before;
	sigset_t signals;

	/* the way back to the base is open whatever the store says */
	if (r < 0 && (r == -ENOMEM || plan->number > 0))
		return r;
	r = 0;
	hold_signals(&signals);
	if (differs)
		r = store_set_current(activation->store, plan->number, reterr_reason);
	if (r == 0)
		r = activation_move(activation, plan, ret, reterr_reason);
	if (r < 0 && differs && known)
		store_set_current(activation->store, before, NULL);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	return r;
}

static int check_pause(const Activation *activation, uint32_t number, Reason *reterr_reason)
{
	if (number == 0 || !pause_is_on(activation->store))
		return 0;
	return reason_set(reterr_reason, -EBUSY,
		"grafts are off because the base is being changed (%s/" PAUSE_PATH
		" is there): 'suture-activate resume' ends that when it is done",
		activation->store->path);
}

int activation_trial(const Activation *activation, Trial **ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	uint32_t current;
	int r = trial_load(activation->store, &trial, reterr_reason);

	if (r == 0)
		r = store_current(activation->store, &current, reterr_reason);
	if (r != 0)
		return r;
	if (trial->generation != current && (current == 0 || current == trial->before))
		return 1;
	/* the record of one that was to follow it is all that a crash left of its own */
	if (trial->generation != current) {
		trial->generation = current;
		trial->tries = 0;
	}
	*ret = TAKE_PTR(trial);
	return 0;
}

/* The record of a trial by these terms. NULL when none is due: without terms, for the base, and for
 * what settled already. `old` is the trial that runs. */
static int new_trial(const Activation *activation, uint32_t number, const ActivationTerms *terms,
	const Trial *old, Trial **ret)
{
	_cleanup_(trial_freep) Trial *trial = memory_new(sizeof(*trial));
	uint32_t current = 0;
	int r = trial ? 0 : -ENOMEM;

	*ret = NULL;
	(void)store_current(activation->store, &current, NULL);
	if (r < 0 || !terms || number == 0 || number == (old ? old->generation : current))
		return r;
	*trial = (Trial){.generation = number,
		.before = old ? old->before : current,
		.tries = 1,
		.window = terms->window,
		.boot_window = terms->boot_window};
	for (size_t i = 0; r == 0 && i < terms->unit_count; i++)
		r = trial_add_unit(trial, terms->units[i]);
	if (r < 0 && r != -E2BIG) /* more than are watched: the rest is not */
		return r;
	*ret = trial->before == number ? NULL : TAKE_PTR(trial);
	return 0;
}

/* Without a trial of its own, a generation ends the one of another. */
static int write_trial(
	Activation *activation, uint32_t number, const Trial *new, const Trial *old, Reason *reason)
{
	if (new)
		return trial_store(activation->store, new, reason);
	return old && old->generation == number ? 0 : trial_clear(activation->store, reason);
}

static int begin_live(Activation *activation, Trial *trial, Reason *reason)
{
	int r = trial_boot_id(trial->boot, reason);

	trial->started = time_boot_seconds();
	if (r == 0)
		r = trial_store(activation->store, trial, reason);
	return r < 0 ? r : guard_start(activation->runtime, false, reason);
}

static void forget_trial(Activation *activation, const Trial *old)
{
	if (old)
		(void)trial_store(activation->store, old, NULL);
	else
		(void)trial_clear(activation->store, NULL);
}

/* What is wrong with the record of a trial must not keep anybody from the base. */
static int read_trial(
	const Activation *activation, uint32_t number, Trial **ret_old, Reason *reterr_reason)
{
	int r = activation_trial(activation, ret_old, reterr_reason);

	return r >= 0 || (number == 0 && r != -ENOMEM) ? 0 : r;
}

int activation_switch(Activation *activation, uint32_t number, const ActivationTerms *terms,
	ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *old = NULL, *new = NULL;
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = check_pause(activation, number, reterr_reason);

	if (r == 0)
		r = read_trial(activation, number, &old, reterr_reason);
	if (r == 0)
		r = new_trial(activation, number, terms, old, &new);
	if (r == 0)
		r = activation_prepare(activation, number, true, &plan, reterr_reason);
	if (r == 0 && new)
		r = begin_live(activation, new, reterr_reason);
	else if (r == 0 && old && old->generation == number)
		r = guard_start(activation->runtime, false, reterr_reason);
	if (r == 0)
		r = activation_commit(activation, plan, ret, reterr_reason);
	if (r < 0) {
		if (new)
			forget_trial(activation, old);
		if (plan)
			plan_unbuild(plan, activation->runtime);
		return r;
	}
	if (!new)
		(void)write_trial(activation, number, NULL, old, NULL); /* counts for nothing now */
	if (pause_is_on(
		    activation->store)) /* what was taken off for good does not come back with it */
		(void)pause_store(activation->store, 0, NULL);
	runtime_set_note(activation->runtime, RUNTIME_NOTE_REASON, NULL);
	runtime_set_note(activation->runtime, RUNTIME_NOTE_BASE, NULL);
	record(activation, plan, ret);
	activation_collect(activation, plan);
	return 0;
}

int activation_select(Activation *activation, uint32_t number, const ActivationTerms *terms,
	ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *old = NULL, *new = NULL;
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = plan_make(activation->runtime, number, true, &plan, reterr_reason);

	if (r == 0)
		r = read_trial(activation, number, &old, reterr_reason);
	if (r == 0)
		r = new_trial(activation, number, terms, old, &new);
	if (r == 0)
		r = write_trial(activation, number, new, old, reterr_reason);
	if (r == 0)
		r = store_set_current(activation->store, number, reterr_reason);
	if (r < 0 && plan)
		forget_trial(activation, old);
	if (r < 0)
		return r;
	*ret = (ActivationResult){.generation = number};
	history_append(activation->store, "selected", number,
		plan->generation ? plan->generation->sequence : 0, "for the next boot", NULL);
	return 0;
}

int activation_take_all_off(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *base = NULL;
	int r = plan_make(activation->runtime, 0, true, &base, reterr_reason);

	if (r == 0)
		r = plan_inspect(base, activation->runtime, reterr_reason);
	if (r == 0)
		r = activation_move(activation, base, ret, reterr_reason);
	if (r == 0)
		hidden_detach(base, activation->runtime);
	return r;
}

int activation_find_shown(const Activation *activation, uint32_t *ret_number, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *base = NULL;
	int r = plan_make(activation->runtime, 0, false, &base, reterr_reason);

	if (r == 0)
		r = plan_inspect(base, activation->runtime, reterr_reason);
	if (r < 0)
		return r;
	*ret_number = 0;
	for (size_t i = 0; i < base->graft_count; i++)
		if (base->grafts[i].generation > *ret_number)
			*ret_number = base->grafts[i].generation;
	return 0;
}

int activation_pause(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	uint32_t shown;
	int r = pause_load(activation->store, &shown);

	if (r > 0)
		r = activation_find_shown(activation, &shown, reterr_reason);
	if (r == 0)
		r = pause_store(activation->store, shown, reterr_reason);
	if (r < 0)
		return r;
	r = activation_take_all_off(activation, ret, reterr_reason);
	if (r < 0)
		pause_clear(activation->store); /* what is still on is to stay right */
	else
		runtime_collect_overlays(activation->runtime, NULL);
	return r;
}

int activation_detach(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	int r = activation_take_all_off(activation, ret, reterr_reason);

	/* what starts after a shutdown, be it soft, has to complete anew */
	boot_unbless(activation->runtime);
	return r < 0 ? r : runtime_close_down(activation->runtime, reterr_reason);
}
