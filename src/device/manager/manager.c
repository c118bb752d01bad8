/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/time.h"
#include "device/manager/after.h"
#include "device/manager/want.h"
#include "device/store/history.h"
#include "wire/improvement/label.h"

#define INDEX_PATH      "index.json" /* below the store, written by suture-stage */
#define CHECKED_PATH    "checked"    /* time of the last good check */
#define LOCK_PATH       "lock"
#define MACHINE_ID_PATH "etc/machine-id"
#define MACHINE_ID_MAX  64

int manager_open(const char *root, Manager *ret_manager, Reason *reterr_reason)
{
	Manager manager = {.root = root, .lock = -1, .progress_fd = -1};
	int r = config_load(root, &manager.config, reterr_reason);

	if (r == 0)
		r = store_open(root, &manager.store, reterr_reason);
	if (r == 0)
		r = store_read_identity(manager.store, &manager.identity, reterr_reason);
	if (r == 0)
		r = identity_base_key(&manager.identity, manager.base_key, reterr_reason);
	if (r < 0) {
		manager_done(&manager);
		return r;
	}
	*ret_manager = manager;
	return 0;
}

void manager_done(Manager *manager)
{
	store_free(manager->store);
	index_clear(&manager->index);
	manager->lock = fd_close(manager->lock);
}

int manager_lock(Manager *manager, Reason *reterr_reason)
{
	int r = store_make(manager->store, reterr_reason);

	if (r < 0)
		return r;
	manager->lock = openat(manager->store->dir, LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (manager->lock < 0)
		return reason_errno(reterr_reason, -errno, "cannot open %s/%s/%s",
			manager->store->path, STORE_PATH, LOCK_PATH);
	if (flock(manager->lock, LOCK_EX | LOCK_NB) < 0)
		return reason_set(reterr_reason, -EBUSY,
			"another Suture program is at work on this machine; try again when it is "
			"done");
	return 0;
}

/* The index was verified when it was kept, and everything that acts on it verifies it again. Here
 * it only says what to show and what to ask for, so one that cannot be read is the same as none. */
int manager_load(Manager *manager)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	index_clear(&manager->index);
	manager->has_index = false;
	if (manager->store->dir < 0)
		return 0;
	r = file_read(manager->store->dir, INDEX_PATH, INDEX_SIZE_MAX, &data, &size);
	if (r == 0)
		r = index_read(data, size, &manager->index, NULL);
	if (r == -ENOMEM)
		return r;
	manager->has_index = r == 0 && strcmp(manager->index.base, manager->base_key) == 0 &&
		strcmp(manager->index.product, manager->identity.product) == 0;
	return 0;
}

static int run_stage(Manager *manager, uint64_t sequence, StageResult *ret, Reason *reason)
{
	const StageRun run = {
		.root = manager->root,
		.url = manager->config.url,
		.channel = manager->config.channel,
		.sequence = sequence,
		.progress = manager->progress,
		.context = manager->context,
		.progress_fd = manager->progress_fd,
	};

	if (!manager->config.url[0])
		return reason_set(reason, -ENOENT,
			"suture.conf names no repository: set url in its section [repository]");
	return worker_stage(&run, ret, reason);
}

static int remember_check(const Manager *manager, Reason *reason)
{
	char text[TIME_TEXT_SIZE];
	int r;

	time_format(time_now(), text);
	r = file_write_atomic(manager->store->dir, CHECKED_PATH, text, strlen(text), 0644);
	return r < 0 ? reason_errno(reason, r, "cannot write %s/%s", STORE_PATH, CHECKED_PATH) : 0;
}

int manager_check(Manager *manager, StageResult *ret_result, Reason *reterr_reason)
{
	int r = run_stage(manager, 0, ret_result, reterr_reason);

	if (r == 0)
		r = remember_check(manager, reterr_reason);
	return r < 0 ? r : manager_load(manager);
}

int64_t manager_last_check(const Manager *manager)
{
	_cleanup_free_ uint8_t *text = NULL;
	int64_t when = 0;
	size_t size;

	if (manager->store->dir >= 0 &&
		file_read(manager->store->dir, CHECKED_PATH, TIME_TEXT_SIZE, &text, &size) == 0)
		(void)time_parse((char *)text, &when);
	return when;
}

int manager_installed(const Manager *manager, uint32_t *ret_generation, uint64_t *ret_sequence,
	Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	uint32_t number;
	int r = store_current(manager->store, &number, reterr_reason);

	if (r == 0 && number > 0)
		r = store_read_generation(manager->store, number, &generation, reterr_reason);
	if (r < 0)
		return r;
	*ret_sequence = generation && strcmp(generation->base, manager->base_key) == 0
		? generation->sequence
		: 0;
	*ret_generation = number;
	return 0;
}

/* Without a machine-id (a container, a test root) every such device stands at the same place. */
static int read_machine_id(const Manager *manager, char ret_id[static MACHINE_ID_MAX + 1])
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = file_read(manager->store->root, MACHINE_ID_PATH, MACHINE_ID_MAX, &text, &size);

	ret_id[0] = '\0';
	if (r == 0)
		snprintf(
			ret_id, MACHINE_ID_MAX + 1, "%.*s", (int)strcspn((char *)text, "\n"), text);
	return r == -ENOENT ? 0 : r;
}

static bool is_bad_image(void *context, const Digest *image)
{
	const Manager *manager = context;
	_cleanup_free_ char *why = NULL;

	return store_bad_reason(manager->store, image, &why) == 0;
}

int manager_offer(const Manager *manager, bool by_hand, Offer *ret_offer, Reason *reterr_reason)
{
	char machine_id[MACHINE_ID_MAX + 1];
	OfferDevice device = {.machine_id = machine_id,
		.now = time_now(),
		.by_hand = by_hand,
		.is_bad = is_bad_image,
		.context = (void *)manager};
	uint32_t generation, removed;
	int r = manager_installed(manager, &generation, &device.installed, reterr_reason);

	if (r == 0)
		r = store_removed(manager->store, manager->base_key, &removed, reterr_reason);
	if (r == 0)
		r = read_machine_id(manager, machine_id);
	if (r < 0)
		return r;
	device.removed = removed;
	if (!manager->has_index) {
		*ret_offer = (Offer){};
		return 0;
	}
	return offer_choose(&manager->index, &device, ret_offer);
}

int manager_explain_offer(const Manager *manager, const Offer *offer, Reason *ret_reason)
{
	char label[LABEL_TEXT_SIZE];

	if (!offer->improvement)
		return reason_set(ret_reason, -ENODATA,
			"nothing newer than what is installed is offered for %s",
			manager->identity.version_id);
	label_shown(manager->identity.version_id, offer->improvement->sequence, label);
	switch (offer->state) {
	case OFFER_WAITS_ROLLOUT:
		return reason_set(ret_reason, -EBUSY,
			"%s is being rolled out in steps, and this machine's turn has not come",
			label);
	case OFFER_WAITS_HOLD:
		return reason_set(
			ret_reason, -EBUSY, "%s: the vendor holds the roll-out for now", label);
	case OFFER_NEEDS_NEWER_BASE:
		return reason_set(ret_reason, -EBUSY,
			"%s needs a newer system first: it requires %s", label, offer->detail);
	case OFFER_REMOVED_BY_OWNER:
		return reason_set(ret_reason, -ENODATA,
			"%s was removed by the owner and stays off until there is a newer one",
			label);
	case OFFER_FAILED_BEFORE:
		return reason_set(ret_reason, -EBUSY,
			"%s failed on this machine before and is not tried again", label);
	case OFFER_NONE:
	case OFFER_AVAILABLE: break;
	}
	return 0;
}

/* Whether every image may be put under running programs. */
static bool is_live(const Improvement *improvement)
{
	for (size_t i = 0; i < improvement->images.count; i++)
		if (improvement->images.items[i].restart > RESTART_SERVICES)
			return false;
	return true;
}

static int record(
	Manager *manager, const char *event, uint32_t generation, uint64_t sequence, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, sequence, label);
	return history_append(manager->store, event, generation, (uint32_t)sequence, label, reason);
}

/* Live where that is honest; otherwise it becomes current and is grafted at the next start. */
static int activate(
	Manager *manager, const Improvement *improvement, InstallResult *result, Reason *reason)
{
	uint32_t generation = result->stage.generation;

	result->grafted = is_live(improvement);
	return result->grafted
		? worker_switch(manager->root, generation, &result->switch_us, reason)
		: worker_select(manager->root, generation, reason);
}

static int finish_install(Manager *manager, const Improvement *improvement,
	const InstallResult *result, Reason *reason)
{
	int r = store_clear_removed(manager->store, reason);

	if (r == 0)
		r = record(manager, result->grafted ? "installed" : "selected",
			result->stage.generation, result->sequence, reason);
	if (r == 0 && result->grafted)
		r = after_run(manager->root, after_of_improvement(improvement), reason);
	return r < 0 ? r : store_remove_unused(manager->store, reason);
}

static int obtain(
	Manager *manager, const Improvement *improvement, InstallResult *result, Reason *reason)
{
	int r;

	result->sequence = improvement->sequence;
	r = run_stage(manager, improvement->sequence, &result->stage, reason);
	if (r == -EKEYREJECTED && reason)
		(void)history_append(manager->store, "refused", 0, (uint32_t)improvement->sequence,
			reason->text, NULL);
	return r;
}

static int choose(Manager *manager, bool by_hand, Offer *ret_offer, Reason *reason)
{
	StageResult checked;
	int r = manager_check(manager, &checked, reason);

	if (r == 0)
		r = manager_offer(manager, by_hand, ret_offer, reason);
	return r < 0 ? r : manager_explain_offer(manager, ret_offer, reason);
}

int manager_install(
	Manager *manager, bool by_hand, InstallResult *ret_result, Reason *reterr_reason)
{
	InstallResult result = {};
	Offer offer;
	int r = choose(manager, by_hand, &offer, reterr_reason);

	if (r == 0)
		r = obtain(manager, offer.improvement, &result, reterr_reason);
	if (r == 0)
		r = activate(manager, offer.improvement, &result, reterr_reason);
	if (r == 0)
		r = finish_install(manager, offer.improvement, &result, reterr_reason);
	if (r == 0)
		*ret_result = result;
	return r;
}

int manager_download(Manager *manager, InstallResult *ret_result, Reason *reterr_reason)
{
	InstallResult result = {};
	Offer offer;
	int r = choose(manager, false, &offer, reterr_reason);

	if (r == 0)
		r = obtain(manager, offer.improvement, &result, reterr_reason);
	if (r == 0)
		*ret_result = result;
	return r;
}

int manager_remove(Manager *manager, uint64_t *ret_switch_us, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	uint32_t number;
	uint64_t sequence;
	int r = manager_installed(manager, &number, &sequence, reterr_reason);

	if (r == 0 && number == 0)
		return reason_set(reterr_reason, -ENODATA, "%s has no improvement to remove",
			manager->identity.version_id);
	/* Written first: a crash in between leaves a machine that removes again, not one that puts
	 * back what its owner did not want. */
	if (r == 0 && sequence > 0)
		r = store_set_removed(
			manager->store, manager->base_key, (uint32_t)sequence, reterr_reason);
	if (r == 0)
		r = store_read_generation(manager->store, number, &generation, reterr_reason);
	if (r == 0)
		r = worker_switch(manager->root, 0, ret_switch_us, reterr_reason);
	if (r == 0)
		r = record(manager, "removed", number, sequence, reterr_reason);
	return r < 0 ? r : after_run(manager->root, after_of_generation(generation), reterr_reason);
}

int manager_obey_withdrawal(Manager *manager, Reason *reterr_reason)
{
	uint64_t switch_us;
	Offer offer;
	int r = manager_offer(manager, false, &offer, reterr_reason);

	if (r < 0 || !offer.withdrawn || offer.withdrawn->level != WITHDRAWAL_REVERT)
		return r;
	r = worker_switch(manager->root, 0, &switch_us, reterr_reason);
	if (r == 0)
		r = history_append(manager->store, "withdrawn", 0,
			(uint32_t)offer.withdrawn->sequence, offer.withdrawn->reason,
			reterr_reason);
	return r < 0 ? r : 1;
}

static const Improvement *newest_known(const Manager *manager)
{
	for (size_t i = 0; manager->has_index && i < manager->index.improvements.count; i++) {
		const Improvement *improvement = &manager->index.improvements.items[i];

		if (!index_withdrawal(&manager->index, improvement->sequence))
			return improvement;
	}
	return NULL;
}

static int want_current(
	const Manager *manager, ExposureFiles *files, uint64_t *ret_sequence, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	uint32_t number;
	int r = manager_installed(manager, &number, ret_sequence, reason);

	if (r == 0 && *ret_sequence > 0)
		r = store_read_generation(manager->store, number, &generation, reason);
	return r < 0 || !generation ? r : exposure_want_generation(files, generation, reason);
}

int manager_exposure(Manager *manager, ExposureFiles *files, ExposureList *list,
	uint64_t *ret_sequence, Reason *reterr_reason)
{
	const Improvement *newest = newest_known(manager);
	int r;

	*ret_sequence = newest ? newest->sequence : 0;
	r = newest ? want_improvement(files, newest)
		   : want_current(manager, files, ret_sequence, reterr_reason);
	return r < 0 ? r : exposure_scan(manager->store, files, list, reterr_reason);
}
