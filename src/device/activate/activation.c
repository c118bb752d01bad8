/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>

#include "base/fd.h"
#include "base/path.h"
#include "device/activate/hidden.h"
#include "device/activate/pause.h"
#include "device/store/history.h"

#define LOCK_PATH "run/suture.lock"

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
	int root = activation->store->root, r = path_make_parent(root, LOCK_PATH, 0755);

	if (r < 0)
		return reason_errno(reterr_reason, r, "%s/run", activation->store->path);
	activation->lock = openat(root, LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (activation->lock < 0)
		return reason_errno(
			reterr_reason, -errno, "%s/" LOCK_PATH, activation->store->path);
	if (flock(activation->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return reason_set(reterr_reason, -EBUSY,
			"another suture-activate is at work: wait until it ends, then try again");
	return reason_errno(reterr_reason, -errno, "%s/" LOCK_PATH, activation->store->path);
}

int activation_open(
	const char *root, unsigned features, bool look, Activation **ret, Reason *reterr_reason)
{
	_cleanup_(activation_freep) Activation *activation = memory_new(sizeof(*activation));
	int r;

	if (!activation)
		return -ENOMEM;
	activation->lock = -1;
	r = store_open(root, &activation->store, reterr_reason);
	if (r == 0)
		r = runtime_open(activation->store, features, &activation->runtime, reterr_reason);
	if (r == 0 && !look)
		r = take_lock(activation, reterr_reason);
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

/* What is left over harms nobody, and the next verb collects it: no reason to call what was done a
 * failure. */
static void collect(Activation *activation, const Plan *plan)
{
	hidden_detach(plan, activation->runtime);
	runtime_collect(activation->runtime, plan->images, plan_image_count(plan), NULL);
}

/* Everything up to the first change that anybody could see. */
static int prepare(
	Activation *activation, uint32_t number, bool live, Plan **ret, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = plan_make(activation->store, number, true, &plan, reterr_reason);

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

static int move(Activation *activation, Plan *plan, ActivationResult *ret, Reason *reterr_reason)
{
	ActivationResult result = {.generation = plan->number, .directories = plan_changes(plan)};
	int r = plan_move(plan, activation->runtime, &result.microseconds, reterr_reason);

	if (r == 0)
		*ret = result;
	return r;
}

/* The history is for people; a machine that cannot write it is fixed all the same. */
static void record(Activation *activation, const Plan *plan, const ActivationResult *result)
{
	uint32_t sequence = plan->generation ? plan->generation->sequence : 0;
	char text[128];

	snprintf(text, sizeof(text), "%zu directories in %llu microseconds", result->directories,
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

/* What the store says now. The way back to the base is open whatever it says: *ret_known tells
 * whether there is something to return to when the way is blocked. */
static int read_before(const Activation *activation, uint32_t number, uint32_t *ret_before,
	bool *ret_known, Reason *reterr_reason)
{
	int r = store_current(activation->store, ret_before, reterr_reason);

	*ret_known = r == 0;
	if (r < 0 && r != -ENOMEM && number == 0) {
		*ret_before = 0;
		return 0;
	}
	return r;
}

static int commit(Activation *activation, Plan *plan, uint32_t before, bool known,
	ActivationResult *ret, Reason *reterr_reason)
{
	bool differs = !known || plan->number != before;
	sigset_t signals;
	int r = 0;

	hold_signals(&signals);
	if (differs)
		r = store_set_current(activation->store, plan->number, reterr_reason);
	if (r == 0)
		r = move(activation, plan, ret, reterr_reason);
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

int activation_switch(
	Activation *activation, uint32_t number, ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	uint32_t before;
	bool known = false;
	int r = check_pause(activation, number, reterr_reason);

	if (r == 0)
		r = read_before(activation, number, &before, &known, reterr_reason);
	if (r == 0)
		r = prepare(activation, number, true, &plan, reterr_reason);
	if (r < 0)
		return r;
	r = commit(activation, plan, before, known, ret, reterr_reason);
	if (r < 0) {
		plan_unbuild(plan, activation->runtime);
		return r;
	}
	runtime_set_reason(activation->runtime, NULL);
	record(activation, plan, ret);
	collect(activation, plan);
	return 0;
}

int activation_select(
	Activation *activation, uint32_t number, ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = plan_make(activation->store, number, true, &plan, reterr_reason);

	if (r == 0)
		r = store_set_current(activation->store, number, reterr_reason);
	if (r < 0)
		return r;
	*ret = (ActivationResult){.generation = number};
	history_append(activation->store, "selected", number,
		plan->generation ? plan->generation->sequence : 0, "for the next boot", NULL);
	return 0;
}

static int take_all_off(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *base = NULL;
	int r = plan_make(activation->store, 0, true, &base, reterr_reason);

	if (r == 0)
		r = plan_inspect(base, activation->runtime, reterr_reason);
	if (r == 0)
		r = move(activation, base, ret, reterr_reason);
	if (r == 0)
		hidden_detach(base, activation->runtime);
	return r;
}

/* Shows the base and remembers why. */
static void fall_back(Activation *activation, Reason *reason)
{
	ActivationResult result;
	Reason cause = *reason, why = {};

	if (take_all_off(activation, &result, &why) < 0)
		reason_set(reason, 0, "%.240s; and the base cannot be shown: %.240s", cause.text,
			why.text);
	if (runtime_make(activation->runtime, NULL) == 0)
		runtime_set_reason(activation->runtime, reason->text);
}

/* The newest generation that a directory shows; 0: none does. */
static int find_shown(const Activation *activation, uint32_t *ret_number, Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *base = NULL;
	int r = plan_make(activation->store, 0, false, &base, reterr_reason);

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
		r = find_shown(activation, &shown, reterr_reason);
	if (r == 0)
		r = pause_store(activation->store, shown, reterr_reason);
	if (r < 0)
		return r;
	r = take_all_off(activation, ret, reterr_reason);
	if (r < 0)
		pause_clear(activation->store); /* what is still on is to stay right */
	else
		runtime_collect_overlays(activation->runtime, NULL);
	return r;
}

/* Or the base, and why, where that is not possible. */
static int show(Activation *activation, uint32_t number, bool live, ActivationResult *ret,
	Reason *reterr_reason)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = prepare(activation, number, live, &plan, reterr_reason);

	if (r == 0)
		r = move(activation, plan, ret, reterr_reason);
	if (r < 0 && plan)
		plan_unbuild(plan, activation->runtime);
	if (r < 0)
		return r;
	runtime_set_reason(activation->runtime, NULL);
	collect(activation, plan);
	return 0;
}

int activation_resume(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	uint32_t shown, current = 0;
	int r = pause_load(activation->store, &shown);

	if (r > 0)
		return reason_set(reterr_reason, -ENODATA, "no pause is on");
	/* not what waits for a restart, and nothing that was removed meanwhile */
	(void)store_current(activation->store, &current, NULL);
	pause_clear(activation->store);
	r = show(activation, current > 0 ? shown : 0, true, ret, reterr_reason);
	if (r < 0)
		fall_back(activation, reterr_reason);
	return r;
}

int activation_apply(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	uint32_t current;
	int r = store_current(activation->store, &current, reterr_reason);

	pause_clear(activation->store);
	if (r == 0)
		r = show(activation, current, false, ret, reterr_reason);
	if (r < 0)
		fall_back(activation, reterr_reason);
	return r;
}

int activation_detach(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	int r = take_all_off(activation, ret, reterr_reason);

	return r < 0 ? r : runtime_close_down(activation->runtime, reterr_reason);
}
