/* SPDX-License-Identifier: Apache-2.0 */
/* Activation, second part: what a boot shows. */
#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "device/activate/activation.h"
#include "device/activate/boot.h"
#include "device/activate/guard.h"
#include "device/activate/pause.h"
#include "device/store/history.h"

#define SPENT  "it did not prove itself before the machine went down"
#define UNDONE "its grafts could not be put on, or were taken off, in the boot that tried it"

const char *const activation_placements[] = {"initrd", "late", NULL};

/* What this boot is to show. */
typedef struct Choice {
	uint32_t number;
	Trial *trial;   /* to take a try of; NULL: it has settled, or is on already */
	bool postponed; /* the trial: the base's own comes first */
	bool at_boot;
	bool needs_guard; /* it is on trial, and took its try already */
	bool base_asked;  /* at the boot loader */
} Choice;

static void choice_done(Choice *choice)
{
	trial_free(choice->trial);
}

/* Shows the base and remembers why. */
static void fall_back(Activation *activation, Reason *reason)
{
	ActivationResult result;
	Reason cause = *reason, why = {};

	if (activation_take_all_off(activation, &result, &why) < 0)
		reason_set(reason, 0, "%.240s; and the base cannot be shown: %.240s", cause.text,
			why.text);
	if (runtime_make(activation->runtime, NULL) == 0)
		runtime_set_note(activation->runtime, RUNTIME_NOTE_REASON, reason->text);
}

/* Positive, with the reason: the owner at the boot loader asks for the base. */
static int check_command_line(const Activation *activation, Reason *reason)
{
	_cleanup_free_ char *text = NULL;
	char word[64];
	int r = boot_command_line(activation->runtime, &text, reason);

	if (r < 0 || !boot_wants_base(text, word, sizeof(word)))
		return r;
	return reason_set(reason, 1, "'%s' stands on the kernel command line", word);
}

/* Whether a directory shows the generation now: then this boot grafted it already. */
static int is_shown(const Activation *activation, uint32_t number, Reason *reason)
{
	_cleanup_(mount_table_freep) MountTable *table = NULL;
	_cleanup_(held_list_done) HeldList held = {};
	const char *directory;
	int r = mount_table_read("/proc/self/mountinfo", &table, reason);

	if (r == 0)
		r = runtime_held(activation->runtime, table, &held);
	for (size_t i = 0; r == 0 && i < table->count; i++) {
		const Held *is = graft_held(&held, table, &table->entries[i]);

		if (is && is->generation == number &&
			graft_is_ours(activation->store, table, &table->entries[i], &directory))
			return 1;
	}
	return r;
}

/* Positive: an image of the generation on trial was found bad; a crash kept it from being reverted.
 */
static int is_condemned(const Activation *activation, uint32_t number)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	int r = store_read_generation(activation->store, number, &generation, NULL);

	for (size_t i = 0; r == 0 && i < generation->image_count; i++) {
		_cleanup_free_ char *why = NULL;
		Seal seal;

		if (seal_parse(generation->images[i].seal, generation->images[i].seal_size, &seal,
			    NULL) == 0 &&
			store_bad_reason(activation->store, &seal.image, &why) == 0)
			return 1;
	}
	return r == -ENOMEM ? r : 0;
}

/* By hand, after a pause: the boot that tries it goes on. */
static int is_of_this_boot(const Trial *trial, Reason *reason)
{
	char boot[TRIAL_BOOT_ID_LEN + 1];
	int r = trial_boot_id(boot, reason);

	return r < 0 ? r : strcmp(boot, trial->boot) == 0;
}

static int choose_on_trial(Activation *activation, Choice *choice, Reason *reason)
{
	int r = is_shown(activation, choice->number, reason);

	if (r == 0 && !choice->at_boot)
		r = is_of_this_boot(choice->trial, reason);
	if (r != 0) {
		choice->trial = trial_free(choice->trial);
		choice->needs_guard = true;
		return r < 0 ? r : 0;
	}
	if (boot_tries_base(activation->runtime)) {
		choice->number = choice->trial->before;
		choice->trial = trial_free(choice->trial);
		choice->postponed = true;
		return 0;
	}
	r = is_condemned(activation, choice->number);
	if (r < 0 || (r == 0 && choice->trial->tries > 0))
		return r;
	r = is_of_this_boot(choice->trial, reason);
	if (r >= 0)
		r = activation_condemn(
			activation, choice->trial, r > 0 ? UNDONE : SPENT, false, reason);
	choice->number = choice->trial->before;
	choice->trial = trial_free(choice->trial);
	return r;
}

/* Positive, with the reason: the system was updated, and what is current belongs to the one before.
 * It stays current: the older system may come back. */
static int check_base(const Activation *activation, uint32_t number, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char key[IDENTITY_KEY_MAX + 1];
	BaseIdentity identity;
	int r = number > 0 ? store_read_generation(activation->store, number, &generation, reason)
			   : 0;

	if (r < 0 || !generation)
		return r;
	r = store_read_identity(activation->store, &identity, reason);
	if (r == 0)
		r = identity_base_key(&identity, key, reason);
	if (r < 0 ||
		(strcmp(generation->product, identity.product) == 0 &&
			strcmp(generation->base, key) == 0))
		return r;
	return reason_set(reason, 1, "what was installed belongs to %s %s, and this is %s %s",
		generation->product, generation->base, identity.product, key);
}

static int choose(Activation *activation, Choice *choice, Reason *reason)
{
	int r = check_command_line(activation, reason);

	choice->base_asked = r > 0;
	if (r == 0)
		r = store_current(activation->store, &choice->number, reason);
	if (r == 0)
		r = check_base(activation, choice->number, reason);
	if (r != 0)
		return r;
	r = activation_trial(activation, &choice->trial, reason);
	if (r == 0)
		return choose_on_trial(activation, choice, reason);
	return r < 0 ? r : 0;
}

/* Before the first mount, and on the disk: what cannot be counted is not tried. */
static int take_try(Activation *activation, const Choice *choice, Reason *reason)
{
	Trial *trial = choice->trial;
	int r = trial_boot_id(trial->boot, reason);

	trial->tries--;
	trial->started = time_boot_seconds();
	if (r == 0)
		r = trial_store(activation->store, trial, reason);
	return r < 0 ? r : guard_start(activation->runtime, choice->at_boot, reason);
}

static int show(Activation *activation, const Choice *choice, bool live, ActivationResult *ret,
	Reason *reason)
{
	_cleanup_(plan_freep) Plan *plan = NULL;
	int r = activation_prepare(activation, choice->number, live, &plan, reason);

	if (r == 0 && choice->trial)
		r = take_try(activation, choice, reason);
	if (r == 0 && choice->needs_guard)
		r = guard_start(activation->runtime, choice->at_boot, reason);
	if (r == 0)
		r = activation_move(activation, plan, ret, reason);
	if (r < 0 && plan)
		plan_unbuild(plan, activation->runtime);
	if (r == 0)
		activation_collect(activation, plan);
	return r;
}

/* `current` has no trial any more, or never had one: nothing is left of another's. */
static void tidy(Activation *activation)
{
	_cleanup_(trial_freep) Trial *trial = NULL;

	if (activation_trial(activation, &trial, NULL) == 1)
		(void)trial_clear(activation->store, NULL);
}

static void remember(Activation *activation, const Choice *choice, const char *placement)
{
	_cleanup_free_ char *before = NULL;

	/* to be told also where nothing had settled before, and nothing is mounted */
	if (choice->postponed)
		(void)runtime_make(activation->runtime, NULL);
	if (runtime_find(activation->runtime, NULL) != 1)
		return;
	runtime_set_note(activation->runtime, RUNTIME_NOTE_REASON,
		choice->postponed ? "the system itself is on trial in this boot: what was "
				    "installed last is tried in the next"
				  : NULL);
	if (placement && runtime_note(activation->runtime, RUNTIME_NOTE_PLACEMENT, &before) == 1)
		runtime_set_note(activation->runtime, RUNTIME_NOTE_PLACEMENT, placement);
}

int activation_apply(
	Activation *activation, const char *placement, ActivationResult *ret, Reason *reterr_reason)
{
	_cleanup_(choice_done) Choice choice = {.at_boot = placement != NULL};
	int r;

	pause_clear(activation->store);
	r = choose(activation, &choice, reterr_reason);
	if (r == 0)
		r = show(activation, &choice, false, ret, reterr_reason);
	if (r != 0) {
		fall_back(activation, reterr_reason);
		if (choice.base_asked)
			runtime_set_note(activation->runtime, RUNTIME_NOTE_BASE, "yes");
		*ret = (ActivationResult){};
		return r < 0 ? r : 0;
	}
	tidy(activation);
	remember(activation, &choice, placement);
	return 0;
}

int activation_resume(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	Choice choice = {};
	uint32_t current = 0;
	int r = pause_load(activation->store, &choice.number);

	if (r > 0)
		return reason_set(reterr_reason, -ENODATA, "no pause is on");
	/* not what waits for a restart, and nothing that was removed meanwhile */
	(void)store_current(activation->store, &current, NULL);
	if (current == 0)
		choice.number = 0;
	pause_clear(activation->store);
	r = show(activation, &choice, true, ret, reterr_reason);
	if (r < 0)
		fall_back(activation, reterr_reason);
	else
		remember(activation, &choice, NULL);
	return r;
}

int activation_mend(Activation *activation, ActivationResult *ret, Reason *reterr_reason)
{
	Choice choice = {};
	int r = activation_find_shown(activation, &choice.number, reterr_reason);

	if (r == 0 && choice.number == 0)
		return reason_set(reterr_reason, -ENODATA, "nothing is shown");
	return r < 0 ? r : show(activation, &choice, true, ret, reterr_reason);
}
