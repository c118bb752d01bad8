/* SPDX-License-Identifier: Apache-2.0 */
/* Manager, second half: making the mounts and `current` agree again, and the way back. */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/time.h"
#include "device/manager/obtained.h"
#include "device/manager/permission.h"
#include "device/manager/services.h"
#include "device/store/trial.h"
#include "wire/terms/label.h"

/* Where nobody says that the boot has completed, it has by then: seconds. */
#define BOOT_SECONDS_MAX 600

static bool is_stopped(const Manager *manager, uint64_t sequence)
{
	const Withdrawal *withdrawn =
		manager->has_index ? index_withdrawal(&manager->index, sequence) : NULL;

	return withdrawn && withdrawn->level != WITHDRAWAL_ADVISE;
}

/* A record that cannot be read is the same as none. */
static int read_record(const Manager *manager, uint32_t number, Generation **ret)
{
	int r = number > 0 ? store_read_generation(manager->store, number, ret, NULL) : 0;

	return r == -ENOMEM ? r : 0;
}

/* Whether the generation on trial waits for a boot to try it, or had its try: then it is selected
 * and not mounted for good reason. A record that cannot be read is no reason to mount anything. */
static int waits_for_boot(const Manager *manager, uint32_t number)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	char boot[TRIAL_BOOT_ID_LEN + 1];
	int r = trial_load(manager->store, &trial, NULL);

	if (r > 0 || r == -ENOMEM)
		return r > 0 ? 0 : r;
	if (r < 0 || trial_boot_id(boot, NULL) < 0)
		return 1;
	return trial->generation == number && strcmp(trial->boot, boot) != 0;
}

/* What waits for a restart is selected and not mounted for good reason. */
static bool waits_for_restart(const Generation *generation)
{
	return generation && services_scope(generation) > RESTART_SERVICES;
}

/* Whether this generation should be mounted now. What is not of this base never will be. */
static bool is_due(const Manager *manager, const Generation *generation, uint64_t sequence)
{
	return sequence > 0 && generation && !waits_for_restart(generation) &&
		!is_stopped(manager, sequence);
}

/* What was found and is mended, for people; the label stands before it. */
static void tell_damage(const Mounted *mounted, const char *label, Reason *ret_text)
{
	if (mounted->cover[0])
		reason_set(ret_text, 0, "%s was covered by a mount (%s) and is on again", label,
			mounted->cover);
	else if (mounted->stale)
		reason_set(ret_text, 0,
			"%s is on anew, since what lies below it is another mount now", label);
	else
		reason_set(ret_text, 0, "a switch to %s was interrupted and is made now", label);
}

/* Only an installation that the owner asked for selects what the owner had removed; but who stepped
 * back to an older one removed what is newer. */
static int forget_removal(Manager *manager, uint64_t sequence, Reason *reason)
{
	uint32_t removed;
	int r = store_removed(manager->store, manager->base_key, &removed, reason);

	return r < 0 || sequence < removed ? r : store_clear_removed(manager->store, reason);
}

/* What was interrupted was on trial, and still is to prove itself. */
static int finish_switch(Manager *manager, uint32_t number, uint64_t sequence,
	const Mounted *mounted, const Generation *generation, Outcome *outcome, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];
	Reason text, why = {};
	int r = services_switch(manager, number, outcome, reason);

	if (r < 0)
		return r;
	outcome->sequence = sequence;
	label_shown(manager->identity.version_id, sequence, label);
	tell_damage(mounted, label, &text);
	r = number > 0 ? forget_removal(manager, sequence, &why) : 0;
	if (r == 0)
		r = manager_record(manager, "repaired", number, sequence, text.text, &why);
	outcome_add_problem(outcome, r, "it is not recorded", &why);
	outcome_run_after(outcome, manager->root, generation);
	return reason_set(reason, 1, "%s", text.text);
}

/* What is selected waits for a restart; until then what was shown stays whole. */
static int mend_shown(Manager *manager, Outcome *outcome, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char label[LABEL_TEXT_SIZE];
	Reason text, why = {};
	Mounted mounted;
	int r = worker_mend(manager->root, reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reason);
	if (r == 0)
		r = read_record(manager, mounted.generation, &generation);
	if (r < 0 || !generation)
		return r;
	outcome->sequence = generation->sequence;
	label_shown(manager->identity.version_id, generation->sequence, label);
	reason_set(&text, 0, "%s was taken off in part and is whole again", label);
	r = manager_record(
		manager, "repaired", mounted.generation, generation->sequence, text.text, &why);
	outcome_add_problem(outcome, r, "it is not recorded", &why);
	return reason_set(reason, 1, "%s", text.text);
}

static bool differs(const Mounted *mounted, uint32_t number)
{
	if (mounted->paused || mounted->base_asked)
		return false;
	return mounted->mixed || mounted->stale || mounted->generation != number;
}

int manager_differs(const Manager *manager, Reason *reterr_reason)
{
	Mounted mounted;
	uint32_t number;
	int r = store_current(manager->store, &number, reterr_reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reterr_reason);
	return r < 0 ? r : differs(&mounted, number);
}

/* switch, and not apply: this one refuses what must not meet running programs, and leaves what is
 * mounted where it fails. */
int manager_repair(Manager *manager, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	uint64_t sequence;
	Mounted mounted;
	uint32_t number;
	int r = manager_installed(manager, &number, &sequence, reterr_reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reterr_reason);
	if (r < 0 || !differs(&mounted, number))
		return r;
	r = waits_for_boot(manager, number);
	if (r != 0)
		return r < 0 ? r : 0;
	r = read_record(manager, number > 0 ? number : mounted.generation, &generation);
	if (r == 0 && number > 0 && !is_due(manager, generation, sequence))
		return mounted.mixed && waits_for_restart(generation)
			? mend_shown(manager, outcome, reterr_reason)
			: 0;
	if (r < 0)
		return r;
	return finish_switch(
		manager, number, sequence, &mounted, generation, outcome, reterr_reason);
}

/* A system that has just been updated may yet go back to the one before. */
static bool boot_is_over(const Manager *manager)
{
	return file_exists(manager->store->root, STORE_BLESSED) ||
		time_boot_seconds() > BOOT_SECONDS_MAX;
}

static bool is_included(const Manager *manager, const Generation *generation)
{
	for (size_t i = 0; manager->has_index && i < manager->index.includes.count; i++) {
		const Inclusion *inclusion = &manager->index.includes.items[i];

		if (strcmp(inclusion->base, generation->base) == 0 &&
			inclusion->sequence >= generation->sequence)
			return true;
	}
	return false;
}

int manager_leave_base(Manager *manager, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char label[LABEL_TEXT_SIZE];
	bool is_contained;
	Reason text = {};
	uint32_t number;
	int r = store_current(manager->store, &number, reterr_reason);

	if (r == 0)
		r = read_record(manager, number, &generation);
	if (r < 0 || !generation || manager_is_of_base(manager, generation) ||
		!boot_is_over(manager))
		return r;
	is_contained = is_included(manager, generation);
	label_shown(generation->version, generation->sequence, label);
	reason_set(&text, 0, is_contained ? "%s is contained in %s" : "%s does not belong to %s",
		label, manager->identity.version_id);
	r = worker_select(manager->root, 0, NULL, reterr_reason);
	if (r == 0)
		r = manager_record(manager, is_contained ? "subsumed" : "outdated", number,
			generation->sequence, text.text, reterr_reason);
	if (r == 0)
		r = store_remove_unused(manager->store, reterr_reason);
	if (r < 0)
		return r;
	return reason_set(reterr_reason, 1, "%s: it fell away", text.text);
}

/* A file that cannot be read is the same as none. */
static int lost_sequence(const Manager *manager, uint32_t *ret_sequence)
{
	int r = store_lost(manager->store, manager->base_key, ret_sequence, NULL);

	if (r < 0)
		*ret_sequence = 0;
	return r == -ENOMEM ? r : 0;
}

/* What is selected would be forgotten by the switch: that it is owed is written first. A disk that
 * is full keeps nobody from taking off what is damaged. */
static int switch_from_damaged(
	Manager *manager, uint64_t selected, Outcome *outcome, Reason *reason)
{
	Reason why = {};
	int owed = selected > 0
		? store_set_lost(manager->store, manager->base_key, (uint32_t)selected, &why)
		: 0;
	int r = services_switch(manager, 0, outcome, reason);

	if (r < 0)
		return r;
	outcome->sequence = 0;
	outcome_add_problem(outcome, owed, "it will not come again by itself", &why);
	return 0;
}

/* What is mounted and damaged in the store is taken off: else each process that reads it fails by
 * itself. What was selected is owed then. */
static int take_off_damaged(Manager *manager, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char component[SEAL_NAME_MAX + 1];
	uint64_t selected;
	Reason why = {};
	Mounted mounted;
	uint32_t number;
	int r = manager_installed(manager, &number, &selected, reterr_reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reterr_reason);
	if (r == 0)
		r = read_record(manager, mounted.generation, &generation);
	if (r < 0 || !generation || store_find_damage(manager->store, generation, component) != 1)
		return r;
	r = switch_from_damaged(manager, selected, outcome, reterr_reason);
	if (r < 0)
		return r;
	r = manager_record(
		manager, "damaged", mounted.generation, generation->sequence, component, &why);
	outcome_add_problem(outcome, r, "it is not in the history", &why);
	outcome_run_after(outcome, manager->root, generation);
	return reason_set(reterr_reason, 1,
		"the image of %s is damaged on the disk: the base is shown until it was obtained "
		"again",
		component);
}

/* What was taken off because of damage; or what a boot did not show because of it, or would not. 0:
 * nothing is missing. What is mounted was looked at before. */
static int find_owed(const Manager *manager, uint64_t *ret_sequence, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char component[SEAL_NAME_MAX + 1];
	uint32_t number, lost;
	uint64_t selected;
	Mounted mounted;
	int r = worker_mounted(manager->root, &mounted, reason);

	*ret_sequence = 0;
	if (r < 0 || mounted.paused || mounted.base_asked)
		return r;
	r = lost_sequence(manager, &lost);
	if (r == 0)
		r = manager_installed(manager, &number, &selected, reason);
	if (r == 0 && selected > 0 && (mounted.mixed || mounted.generation != number))
		r = read_record(manager, number, &generation);
	if (r < 0)
		return r;
	if (generation && store_find_damage(manager->store, generation, component) == 1)
		*ret_sequence = selected;
	else if (selected == 0)
		*ret_sequence = lost;
	return 0;
}

/* It is not waited for any more, in whichever of the two ways that was. */
static int give_up(Manager *manager, uint64_t sequence, const Reason *cause, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];
	uint32_t current;
	Reason text;
	int r = store_current(manager->store, &current, reason);

	label_shown(manager->identity.version_id, sequence, label);
	reason_set(&text, 0, "%s was damaged on the disk and cannot be had again: %.256s", label,
		cause->text);
	if (r == 0 && current > 0)
		r = manager_keep_off(manager, reason);
	if (r >= 0)
		r = store_clear_lost(manager->store, reason);
	if (r == 0)
		r = manager_record(manager, "given-up", 0, sequence, text.text, reason);
	return r < 0 ? r : reason_set(reason, 1, "%s", text.text);
}

/* Exactly that sequence, whatever suture.conf says of installing: the owner has it and wants it. */
static int obtain_again(Manager *manager, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(obtained_done) Obtained obtained = {};
	const Improvement *improvement;
	char label[LABEL_TEXT_SIZE];
	StageResult checked;
	Reason text, cause = {};
	uint64_t sequence;
	int r = find_owed(manager, &sequence, reterr_reason);

	if (r < 0 || sequence == 0)
		return r;
	r = manager_check(manager, &checked, reterr_reason);
	if (r < 0)
		return r;
	r = manager_find(manager, sequence, &improvement, &cause);
	if (r < 0)
		return give_up(manager, sequence, &cause, reterr_reason);
	r = obtained_get(manager, improvement, true, &obtained, reterr_reason);
	if (r == 0)
		r = obtained_show(manager, &obtained, outcome, reterr_reason);
	if (r < 0)
		return r;
	label_shown(manager->identity.version_id, sequence, label);
	reason_set(&text, 0, "%s was damaged on the disk and was obtained again%s", label,
		outcome->grafted ? "" : "; it becomes active at the next restart");
	obtained_finish(manager, &obtained, "repaired", text.text, outcome);
	return reason_set(reterr_reason, 1, "%s", text.text);
}

int manager_put_right(
	Manager *manager, void (*tell)(const char *text), Outcome *outcome, Reason *reterr_reason)
{
	int (*const steps[])(Manager * manager, Outcome * outcome, Reason * reterr_reason) = {
		take_off_damaged, obtain_again, manager_repair};
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		Reason reason = {};
		int r = steps[i](manager, outcome, &reason);

		if (r > 0)
			tell(reason.text);
		if (r < 0 && result >= 0)
			*reterr_reason = reason;
		if (result >= 0 && r != 0)
			result = r;
	}
	return result;
}

/* What there is to take off. */
typedef struct Present {
	Generation *generation; /* mounted, or else selected; NULL when its record is of no use */
	uint32_t number;        /* of it; 0: not known */
	uint64_t sequence;      /* the highest that is known to be selected, mounted or owed */
	uint32_t lost;          /* taken off already, but to come back */
	bool any;
} Present;

static void present_done(Present *present)
{
	generation_free(present->generation);
}

/* Where neither `current` nor the mounts tell one generation, the newest of this base that the
 * store has: what comes back after a removal is worse than what stays off. */
static int newest_sequence(const Manager *manager, uint64_t *ret_sequence)
{
	_cleanup_free_ uint32_t *numbers = NULL;
	size_t count;
	int r = store_list_generations(manager->store, &numbers, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_(generation_freep) Generation *generation = NULL;

		r = read_record(manager, numbers[i], &generation);
		if (generation && manager_is_of_base(manager, generation) &&
			generation->sequence > *ret_sequence)
			*ret_sequence = generation->sequence;
	}
	return r;
}

static int find_present(const Manager *manager, Present *present, Reason *reason)
{
	Mounted mounted;
	bool damaged;
	int r = manager_installed(manager, &present->number, &present->sequence, NULL);

	damaged =
		r < 0; /* a `current` that cannot be read must not keep anybody from removing it */
	if (r != -ENOMEM)
		r = worker_mounted(manager->root, &mounted, reason);
	if (r < 0)
		return r;
	r = lost_sequence(manager, &present->lost);
	if (r < 0)
		return r;
	present->any = damaged || mounted.mixed || mounted.generation > 0 || present->number > 0 ||
		present->sequence > 0 || present->lost > 0;
	if (present->lost > present->sequence)
		present->sequence = present->lost;
	if (mounted.generation > 0)
		present->number = mounted.generation;
	r = read_record(manager, present->number, &present->generation);
	if (present->generation && manager_is_of_base(manager, present->generation) &&
		present->generation->sequence > present->sequence)
		present->sequence = present->generation->sequence;
	if (r == 0 && present->sequence == 0 && (damaged || mounted.mixed))
		r = newest_sequence(manager, &present->sequence);
	return r;
}

/* Never fewer than before: an interrupted removal may have noted more than is mounted now. */
static int remember_removed(Manager *manager, uint64_t sequence, Reason *reason)
{
	uint32_t before;
	int r = store_removed(manager->store, manager->base_key, &before, reason);

	if (r < 0 || sequence <= before)
		return r;
	return store_set_removed(manager->store, manager->base_key, (uint32_t)sequence, reason);
}

/* Also where there is nothing: -ENODATA. */
static int find_to_remove(const Manager *manager, Present *present, Reason *reason)
{
	int r = permission_to_remove(manager, reason);

	if (r == 0)
		r = find_present(manager, present, reason);

	return r < 0 || present->any
		? r
		: reason_set(reason, -ENODATA, "%s has no improvement to remove",
			  manager->identity.version_id);
}

int manager_remove(Manager *manager, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(present_done) Present present = {};
	Reason why = {};
	int r = find_to_remove(manager, &present, reterr_reason);

	/* Written first: a crash in between leaves it on, for the owner to try again, but never a
	 * machine that puts back what its owner took off. */
	if (r == 0)
		r = remember_removed(manager, present.sequence, reterr_reason);
	if (r == 0 && present.lost > 0)
		r = store_clear_lost(manager->store, reterr_reason);
	if (r == 0)
		r = services_switch(manager, 0, outcome, reterr_reason);
	if (r == 0)
		r = store_clear_rehearsed(manager->store, reterr_reason);
	if (r < 0)
		return r;
	r = manager_record(manager, "removed", present.number, present.sequence, NULL, &why);
	outcome_add_problem(outcome, r, "it is not in the history", &why);
	outcome_run_after(outcome, manager->root, present.generation);
	return 0;
}

int manager_preview_removal(const Manager *manager, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(present_done) Present present = {};
	int r = find_to_remove(manager, &present, reterr_reason);

	if (r == 0 && services_are_ours(manager))
		r = services_preview(manager, NULL, &outcome->impact, reterr_reason);
	if (r == 0)
		outcome->sequence = present.sequence;
	return r;
}

static void record_withdrawal(Manager *manager, const Withdrawal *withdrawn, Outcome *outcome)
{
	Reason why = {};
	int r = manager_record(
		manager, "withdrawn", 0, withdrawn->sequence, withdrawn->reason, &why);

	outcome_add_problem(outcome, r, "it is not in the history", &why);
}

static int revert(Manager *manager, const Withdrawal *withdrawn, Outcome *outcome, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char label[LABEL_TEXT_SIZE];
	uint64_t sequence;
	uint32_t number;
	int r = manager_installed(manager, &number, &sequence, reason);

	/* a record that cannot be read must not keep anybody from getting rid of it */
	if (r == 0)
		r = read_record(manager, number, &generation);
	if (r == 0)
		r = services_switch(manager, 0, outcome, reason);
	if (r == 0)
		r = store_clear_rehearsed(manager->store, reason);
	if (r < 0)
		return r;
	outcome->sequence = 0;
	record_withdrawal(manager, withdrawn, outcome);
	outcome_run_after(outcome, manager->root, generation);
	label_shown(manager->identity.version_id, withdrawn->sequence, label);
	return reason_set(reason, 1, "the vendor withdrew %s: %s; this is %s again", label,
		withdrawn->reason, manager->identity.version_id);
}

/* What is only staged for the next restart is not taken then. What is grafted stays. */
static int stop(Manager *manager, const Withdrawal *withdrawn, Outcome *outcome, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];
	int r = manager_keep_off(manager, reason);

	if (r <= 0)
		return r;
	record_withdrawal(manager, withdrawn, outcome);
	label_shown(manager->identity.version_id, withdrawn->sequence, label);
	return reason_set(reason, 1, "the vendor withdrew %s: %s; it will not become active", label,
		withdrawn->reason);
}

int manager_obey_withdrawal(Manager *manager, Outcome *outcome, Reason *reterr_reason)
{
	Offer offer;
	int r = manager_offer(manager, false, &offer, reterr_reason);

	if (r < 0 || !offer.withdrawn || offer.withdrawn->level == WITHDRAWAL_ADVISE)
		return r;
	return offer.withdrawn->level == WITHDRAWAL_REVERT
		? revert(manager, offer.withdrawn, outcome, reterr_reason)
		: stop(manager, offer.withdrawn, outcome, reterr_reason);
}

/* The newest generation of this base below a number that the vendor did not withdraw; 0: none. */
static int generation_below(const Manager *manager, uint32_t number, uint32_t *ret_number)
{
	_cleanup_free_ uint32_t *numbers = NULL;
	size_t count;
	int r = store_list_generations(manager->store, &numbers, &count);

	*ret_number = 0;
	for (size_t i = 0; r == 0 && i < count && numbers[i] < number; i++) {
		_cleanup_(generation_freep) Generation *generation = NULL;

		r = read_record(manager, numbers[i], &generation);
		if (generation && manager_is_of_base(manager, generation) &&
			!is_stopped(manager, generation->sequence))
			*ret_number = numbers[i];
	}
	return r;
}

int manager_keep_off(Manager *manager, Reason *reterr_reason)
{
	Mounted mounted;
	uint32_t number, other = 0;
	uint64_t sequence;
	int r = manager_installed(manager, &number, &sequence, reterr_reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reterr_reason);
	if (r < 0 || (!mounted.mixed && mounted.generation == number))
		return r;
	other = mounted.generation;
	if (mounted.mixed)
		r = generation_below(manager, number, &other);
	if (r == 0)
		r = worker_select(manager->root, other, NULL, reterr_reason);
	/* The base needs no proof; whatever is wrong with the other one is told when it is tried */
	if (r < 0 && r != -ENOMEM && other > 0)
		r = worker_select(manager->root, 0, NULL, reterr_reason);
	return r < 0 ? r : 1;
}

/* A record that cannot be read is not grafted by a restart either. */
int manager_restart_machine(Manager *manager, char **ret_way, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	Mounted mounted;
	uint64_t sequence;
	uint32_t number;
	int r = manager_installed(manager, &number, &sequence, reterr_reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reterr_reason);
	if (r == 0 && mounted.paused)
		return reason_set(reterr_reason, -EBUSY,
			"the base is being changed: restart when 'suture-activate resume' has "
			"ended that");
	if (r == 0 && (sequence == 0 || (!mounted.mixed && mounted.generation == number)))
		return reason_set(reterr_reason, -ENODATA, "nothing waits for a restart");
	if (r == 0 && !services_are_ours(manager))
		return reason_set(reterr_reason, -EINVAL,
			"%s is not this machine's own root, and nothing is restarted for it",
			manager->root);
	if (r == 0)
		r = store_read_generation(manager->store, number, &generation, reterr_reason);
	return r < 0
		? r
		: worker_reboot(manager->bus, services_scope(generation), ret_way, reterr_reason);
}
