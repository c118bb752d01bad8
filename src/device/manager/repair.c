/* SPDX-License-Identifier: Apache-2.0 */
/* Manager, second half: making the mounts and `current` agree again, and the way back. */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/time.h"
#include "device/manager/after.h"
#include "device/manager/manager.h"
#include "device/manager/services.h"
#include "device/store/history.h"
#include "device/store/trial.h"
#include "wire/improvement/label.h"

/* Where nobody says that the boot has completed, it has by then: seconds. */
#define BOOT_SECONDS_MAX 600

static int record(Manager *manager, const char *event, uint32_t number, uint64_t sequence,
	const char *text, Reason *reason)
{
	return history_append(manager->store, event, number, (uint32_t)sequence, text, reason);
}

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

/* Whether this generation should be mounted now. What waits for a restart is selected and not
 * mounted for good reason, and what is not of this base never will be. */
static bool is_due(const Manager *manager, const Generation *generation, uint64_t sequence)
{
	return sequence > 0 && generation && services_scope(generation) <= RESTART_SERVICES &&
		!is_stopped(manager, sequence);
}

/* What was interrupted was on trial, and still is to prove itself. */
static int switch_again(Manager *manager, uint32_t number, InstallResult *result, Reason *reason)
{
	_cleanup_(probation_done) Probation probation = {};
	const Probation *needed = number > 0 && services_are_ours(manager) ? &probation : NULL;
	int r = needed ? services_find_users(manager, result, &probation) : 0;

	return r < 0 ? r : worker_switch(manager->root, number, needed, &result->switch_us, reason);
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

static int finish_switch(Manager *manager, uint32_t number, const Mounted *mounted,
	const Generation *generation, InstallResult *result, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];
	uint32_t removed = 0;
	Reason text;
	int r;

	result->stage.generation = number;
	result->grafted = number > 0;
	r = switch_again(manager, number, result, reason);
	label_shown(manager->identity.version_id, result->sequence, label);
	tell_damage(mounted, label, &text);
	/* only an installation that the owner asked for selects what the owner had removed; but who
	 * stepped back to an older one removed what is newer */
	if (r == 0 && number > 0)
		r = store_removed(manager->store, manager->base_key, &removed, reason);
	if (r == 0 && number > 0 && result->sequence >= removed)
		r = store_clear_removed(manager->store, reason);
	if (r == 0)
		r = record(manager, "repaired", number, result->sequence, text.text, reason);
	if (r == 0)
		r = after_run(
			manager->root, generation ? after_of_generation(generation) : 0, reason);
	if (r < 0)
		return r;
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
int manager_repair(Manager *manager, InstallResult *ret_result, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	InstallResult result = {};
	Mounted mounted;
	uint32_t number;
	int r = manager_installed(manager, &number, &result.sequence, reterr_reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reterr_reason);
	if (r < 0 || !differs(&mounted, number))
		return r;
	r = waits_for_boot(manager, number);
	if (r != 0)
		return r < 0 ? r : 0;
	r = read_record(manager, number > 0 ? number : mounted.generation, &generation);
	if (r < 0 || (number > 0 && !is_due(manager, generation, result.sequence)))
		return r;
	r = finish_switch(manager, number, &mounted, generation, &result, reterr_reason);
	if (r > 0)
		*ret_result = result;
	return r;
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
		r = record(manager, is_contained ? "subsumed" : "outdated", number,
			generation->sequence, text.text, reterr_reason);
	if (r == 0)
		r = store_remove_unused(manager->store, reterr_reason);
	if (r < 0)
		return r;
	return reason_set(reterr_reason, 1, "%s: it fell away", text.text);
}

int manager_take_off_damaged(Manager *manager, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	char component[SEAL_NAME_MAX + 1];
	uint64_t sequence, switch_us;
	Mounted mounted;
	uint32_t number;
	int r = manager_installed(manager, &number, &sequence, reterr_reason);

	if (r == 0)
		r = worker_mounted(manager->root, &mounted, reterr_reason);
	if (r == 0)
		r = read_record(manager, mounted.generation, &generation);
	if (r < 0 || !generation || store_find_damage(manager->store, generation, component) != 1)
		return r;
	r = worker_switch(manager->root, 0, NULL, &switch_us, reterr_reason);
	if (r == 0)
		r = record(manager, "damaged", mounted.generation, generation->sequence, component,
			reterr_reason);
	if (r == 0)
		r = after_run(manager->root, after_of_generation(generation), reterr_reason);
	if (r < 0)
		return r;
	return reason_set(reterr_reason, 1,
		"the image of %s is damaged on the disk: the base is shown until it was obtained "
		"again",
		component);
}

/* What there is to take off. */
typedef struct Present {
	Generation *generation; /* mounted, or else selected; NULL when its record is of no use */
	uint32_t number;        /* of it; 0: not known */
	uint64_t sequence;      /* the highest that is known to be selected or mounted */
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
	present->any = damaged || mounted.mixed || mounted.generation > 0 || present->number > 0 ||
		present->sequence > 0;
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

int manager_remove(Manager *manager, uint64_t *ret_switch_us, Reason *reterr_reason)
{
	_cleanup_(present_done) Present present = {};
	char label[LABEL_TEXT_SIZE];
	int r = find_present(manager, &present, reterr_reason);

	if (r < 0)
		return r;
	if (!present.any)
		return reason_set(reterr_reason, -ENODATA, "%s has no improvement to remove",
			manager->identity.version_id);
	/* Written first: a crash in between leaves it on, for the owner to try again, but never a
	 * machine that puts back what its owner took off. */
	r = remember_removed(manager, present.sequence, reterr_reason);
	if (r == 0)
		r = worker_switch(manager->root, 0, NULL, ret_switch_us, reterr_reason);
	if (r == 0)
		r = store_clear_rehearsed(manager->store, reterr_reason);
	label_shown(manager->identity.version_id, present.sequence, label);
	if (r == 0)
		r = record(
			manager, "removed", present.number, present.sequence, label, reterr_reason);
	if (r < 0 || !present.generation)
		return r;
	return after_run(manager->root, after_of_generation(present.generation), reterr_reason);
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
