/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/address.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "device/manager/activity.h"
#include "device/manager/obtained.h"
#include "device/manager/permission.h"
#include "device/manager/services.h"
#include "device/manager/want.h"
#include "device/store/event.h"
#include "device/store/history.h"
#include "wire/terms/label.h"

#define INDEX_PATH      "index.json"  /* below the store, written by suture-stage */
#define PINNED_PATH     "pinned.json" /* what the stager verified (device/stage/stage.h) */
#define URGENT_PATH     "lock.urgent" /* held by who waits for the lock and must not wait long */
#define TRUSTED_PATH    "etc/suture/root.json" /* below the root: where it counts from then on */
#define PINNED_SIZE_MAX 512000                 /* bytes, as of any root (wire/trust/trust.h) */
#define MACHINE_ID_PATH "etc/machine-id"
#define MACHINE_ID_MAX  64

/* A stager whose manager was killed ends by itself within this time. */
#define LOCK_TRIES    10
#define URGENT_TRIES  100
#define LOCK_PAUSE_NS 100000000

static int load_policy(Manager *manager)
{
	int r = policy_load(manager->root, &manager->policy);

	if (r == 0)
		manager->config = manager->policy->config;
	return r;
}

int manager_need_config(const Manager *manager, Reason *reterr_reason)
{
	return manager->config.url[0] ? 0 : policy_need_repository(manager->policy, reterr_reason);
}

int manager_ask_path(Manager *manager, const char *path, Reason *reterr_reason)
{
	char *absolute = realpath(path, NULL);
	_cleanup_free_ char *encoded = absolute ? address_encode_path(absolute) : NULL;
	int r = absolute ? 0 : -errno;

	free(absolute); /* realpath()'s own */
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot find %s", path);
	if (!encoded)
		return -ENOMEM;
	if (strlen(encoded) + strlen("file:///") > CONFIG_VALUE_MAX)
		return reason_set(reterr_reason, -ENAMETOOLONG, "the path %s is too long", path);
	snprintf(manager->config.url, sizeof(manager->config.url), "file://%s/", encoded);
	manager->config.mirror_count = 0;
	return 0;
}

int manager_open(const char *root, Manager *ret_manager, Reason *reterr_reason)
{
	Manager manager = {
		.root = root, .lock = -1, .urgent = -1, .progress_fd = -1, .stop_fd = -1};
	int r = store_open(root, &manager.store, reterr_reason);

	if (r == 0)
		r = load_policy(&manager);
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
	policy_free(manager->policy);
	index_clear(&manager->index);
	checked_done(&manager->checked);
	manager->lock = fd_close(manager->lock);
	manager->urgent = fd_close(manager->urgent);
}

static int try_lock(int fd, int tries)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

	for (int i = 0; i < tries; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -errno;
}

static int open_lock(const Manager *manager, const char *name, int *ret_fd, Reason *reason)
{
	int fd = openat(manager->store->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return reason_errno(reason, -errno, "cannot open %s/%s/%s", manager->store->path,
			STORE_PATH, name);
	*ret_fd = fd;
	return 0;
}

static int open_locks(Manager *manager, Reason *reason)
{
	int r = store_make(manager->store, reason);

	if (r == 0)
		r = open_lock(manager, ACTIVITY_LOCK_PATH, &manager->lock, reason);
	return r < 0 ? r : open_lock(manager, URGENT_PATH, &manager->urgent, reason);
}

static int take_lock(Manager *manager, int tries, Reason *reason)
{
	if (try_lock(manager->lock, tries) < 0)
		return reason_set(reason, -EBUSY,
			"another Suture program is at work on this machine; try again when it is "
			"done");
	activity_note(manager->lock, ACTIVITY_NONE);
	return 0;
}

int manager_lock(Manager *manager, Reason *reterr_reason)
{
	int r = open_locks(manager, reterr_reason);

	return r < 0 ? r : take_lock(manager, LOCK_TRIES, reterr_reason);
}

/* Who downloads looks at the second lock all the while. It is the kernel's, so that it ends with
 * its holder, and no process number has to be believed. */
int manager_lock_urgently(Manager *manager, Reason *reterr_reason)
{
	int r = open_locks(manager, reterr_reason);

	if (r < 0)
		return r;
	/* another one that is urgent does the same: then this only waits for its turn */
	(void)try_lock(manager->urgent, LOCK_TRIES);
	r = take_lock(manager, URGENT_TRIES, reterr_reason);
	flock(manager->urgent, LOCK_UN);
	return r;
}

/* The index was verified when it was kept, and everything that acts on it verifies it again. Here
 * it only says what to show and what to ask for, so one that cannot be read is the same as none. */
int manager_load(Manager *manager)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	index_clear(&manager->index);
	checked_done(&manager->checked);
	manager->has_index = false;
	r = checked_load(manager->store, &manager->checked);
	if (r < 0 || manager->store->dir < 0)
		return r;
	r = file_read(manager->store->dir, INDEX_PATH, INDEX_SIZE_MAX, &data, &size);
	if (r == 0)
		r = index_read(data, size, &manager->index, NULL);
	if (r == -ENOMEM)
		return r;
	manager->has_index = r == 0 && strcmp(manager->index.base, manager->base_key) == 0 &&
		strcmp(manager->index.product, manager->identity.product) == 0;
	return 0;
}

void manager_tell_phase(const Manager *manager, const char *phase)
{
	if (manager->progress_fd >= 0)
		(void)dprintf(manager->progress_fd,
			"{\"component\":\"\",\"done\":0,\"phase\":\"%s\",\"total\":0}\n", phase);
	if (manager->progress)
		manager->progress(manager->context, phase, "", 0, 0);
}

static int run_worker(Manager *manager, StageRun run, StageResult *ret, Reason *reason)
{
	int r = manager_need_config(manager, reason);

	if (r < 0)
		return r;
	run.root = manager->root;
	run.config = &manager->config;
	run.progress = manager->progress;
	run.context = manager->context;
	run.progress_fd = manager->progress_fd;
	run.lock = manager->lock;
	run.urgent = manager->urgent;
	run.stop_fd = manager->stop_fd;
	run.background = manager->background;
	return worker_stage(&run, ret, reason);
}

/* A word for people: that it is not kept is no failure of what it is about. */
static int remember_notes(Manager *manager, const StageResult *stage)
{
	int r = checked_notes(&manager->checked, stage->notes_problem);

	if (r == 0)
		(void)checked_save(&manager->checked, manager->store, NULL);
	return r;
}

int manager_stage(
	Manager *manager, uint64_t sequence, StageResult *ret_result, Reason *reterr_reason)
{
	int r = run_worker(manager, (StageRun){.sequence = sequence}, ret_result, reterr_reason);

	if (r == 0 && ret_result->notes_asked)
		r = remember_notes(manager, ret_result);
	return r;
}

/* Moves the root that the stager verified to where the owner's trust lies. */
static int take_pinned(const Manager *manager, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = file_read(manager->store->dir, PINNED_PATH, PINNED_SIZE_MAX, &data, &size);

	if (r == 0)
		r = path_make_parent(manager->store->root, TRUSTED_PATH, 0755);
	if (r == 0)
		r = file_write_atomic(manager->store->root, TRUSTED_PATH, data, size, 0644);
	if (r == 0)
		r = file_remove(manager->store->dir, PINNED_PATH);
	return r < 0
		? reason_errno(reason, r, "cannot write %s/" TRUSTED_PATH, manager->store->path)
		: 0;
}

int manager_enroll(Manager *manager, const char *digest, Reason *reterr_reason)
{
	StageResult result;
	int r = run_worker(manager, (StageRun){.enroll = digest}, &result, reterr_reason);

	if (r == 0)
		r = take_pinned(manager, reterr_reason);
	return r < 0 ? r
		     : history_append(manager->store, "enrolled", 0, 0, manager->config.url,
			       reterr_reason);
}

/* That somebody else was at work, or asked for an end, says nothing about the repository. */
static bool is_worth_telling(int error)
{
	return error != -EBUSY && error != -EINTR && error != -ENOMEM;
}

/* The same but for numbers: what a library says of a connection has its milliseconds in it. */
static bool is_same_cause(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, TEXT_DIGITS);
		b += strspn(b, TEXT_DIGITS);
		if (*a != *b || !*a)
			return *a == *b;
	}
}

/* Once for each cause: a machine without a network would fill the journal with the same line. */
static void tell_failure(const Manager *manager, const char *problem)
{
	const char *before = manager->checked.problem;

	if (!before || !is_same_cause(before, problem))
		(void)event_tell(manager->store,
			manager_need_config(manager, NULL) < 0 ? "policy-mistake" : "check-failed",
			0, 0, problem);
}

static int remember_check(Manager *manager, int result, const StageResult *stage, Reason *reason)
{
	int r = 0;

	if (result < 0)
		tell_failure(manager, reason ? reason->text : "");
	if (result == 0)
		checked_succeeded(&manager->checked, stage->issued, stage->expires);
	else
		r = checked_failed(&manager->checked, reason ? reason->text : "");
	return r < 0 ? r : checked_save(&manager->checked, manager->store, reason);
}

int manager_check(Manager *manager, StageResult *ret_result, Reason *reterr_reason)
{
	Reason reason = {};
	int saved, r;

	activity_note(manager->lock, ACTIVITY_CHECKING);
	r = manager_stage(manager, 0, ret_result, &reason);

	if (r < 0 && reterr_reason)
		*reterr_reason = reason;
	if (r < 0 && !is_worth_telling(r))
		return r;
	saved = remember_check(manager, r, ret_result, r < 0 ? &reason : reterr_reason);
	if (r == 0)
		r = saved;
	if (r == 0)
		r = manager_load(manager);
	if (r == 0)
		r = manager_leave_base(manager, reterr_reason);
	return r < 0 ? r : 0;
}

bool manager_is_of_base(const Manager *manager, const Generation *generation)
{
	return strcmp(generation->base, manager->base_key) == 0;
}

int manager_installed(const Manager *manager, uint32_t *ret_generation, uint64_t *ret_sequence,
	Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	uint32_t number, rehearsed = 0;
	int r = store_current(manager->store, &number, reterr_reason);

	if (r < 0)
		return r;
	r = number > 0 ? store_read_generation(manager->store, number, &generation, NULL)
		       : store_rehearsed(manager->store, manager->base_key, &rehearsed, NULL);
	if (r == -ENOMEM)
		return r;
	*ret_sequence = generation && manager_is_of_base(manager, generation) ? generation->sequence
									      : rehearsed;
	*ret_generation = number;
	return 0;
}

/* Without a machine-id (a container, a test root) every such device stands at the same place. */
static int read_machine_id(
	const Manager *manager, char ret_id[static MACHINE_ID_MAX + 1], Reason *reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = file_read(manager->store->root, MACHINE_ID_PATH, MACHINE_ID_MAX, &text, &size);

	ret_id[0] = '\0';
	if (r == 0)
		snprintf(
			ret_id, MACHINE_ID_MAX + 1, "%.*s", (int)strcspn((char *)text, "\n"), text);
	return r == 0 || r == -ENOENT
		? 0
		: reason_errno(reason, r, "cannot read %s/" MACHINE_ID_PATH, manager->store->path);
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
		.now = checked_now(&manager->checked),
		.by_hand = by_hand,
		.is_bad = is_bad_image,
		.context = (void *)manager};
	uint32_t generation, removed;
	int r = manager_installed(manager, &generation, &device.installed, reterr_reason);

	if (r == 0)
		r = store_removed(manager->store, manager->base_key, &removed, reterr_reason);
	if (r == 0)
		r = read_machine_id(manager, machine_id, reterr_reason);
	if (r < 0)
		return r;
	device.removed = removed;
	if (!manager->has_index) {
		*ret_offer = (Offer){};
		return 0;
	}
	return offer_choose(&manager->index, &device, ret_offer);
}

static int explain_nothing(const Manager *manager, Reason *ret_reason)
{
	char label[LABEL_TEXT_SIZE];
	uint64_t sequence = 0;
	uint32_t generation;

	(void)manager_installed(manager, &generation, &sequence, NULL);
	label_shown(manager->identity.version_id, sequence, label);
	return sequence > 0
		? reason_set(ret_reason, -ENODATA, "%s is installed, and nothing newer is offered",
			  label)
		: reason_set(ret_reason, -ENODATA, "no improvement is offered for %s", label);
}

static int explain_failed(const Manager *manager, const Improvement *improvement, const char *label,
	Reason *ret_reason)
{
	_cleanup_free_ char *why = NULL;

	for (size_t i = 0; !why && i < improvement->images.count; i++)
		(void)store_bad_reason(manager->store, &improvement->images.items[i].sha256, &why);
	return reason_set(ret_reason, -EBUSY,
		"%s failed on this machine before and is not tried again: %s", label,
		why ? why : "no reason was kept");
}

int manager_explain_offer(const Manager *manager, const Offer *offer, Reason *ret_reason)
{
	char label[LABEL_TEXT_SIZE];

	if (!offer->improvement)
		return explain_nothing(manager, ret_reason);
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
			"%s was removed by the owner and stays off until there is a newer one; "
			"'suture install' brings it back",
			label);
	case OFFER_FAILED_BEFORE:
		return explain_failed(manager, offer->improvement, label, ret_reason);
	case OFFER_NONE:
	case OFFER_AVAILABLE: break;
	}
	return 0;
}

int manager_record(Manager *manager, const char *event, uint32_t generation, uint64_t sequence,
	const char *text, Reason *reterr_reason)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, sequence, label);
	return history_append(manager->store, event, generation, (uint32_t)sequence,
		text ? text : label, reterr_reason);
}

/* Who asks for an older one by its number does not want those that are newer: the same as if they
 * had been removed. The newest is the first of the index. */
static int remember_wish(Manager *manager, uint64_t wished, Reason *reason)
{
	uint64_t newest = manager->index.improvements.items[0].sequence;

	return wished > 0 && wished < newest
		? store_set_removed(manager->store, manager->base_key, (uint32_t)newest, reason)
		: store_clear_removed(manager->store, reason);
}

int manager_find(const Manager *manager, uint64_t sequence, const Improvement **ret_improvement,
	Reason *reterr_reason)
{
	const Improvement *improvement =
		manager->has_index ? index_find(&manager->index, sequence) : NULL;
	const Withdrawal *objection;
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, sequence, label);
	if (!improvement)
		return reason_set(reterr_reason, -ENOENT, "the repository has no %s", label);
	objection = index_objection(&manager->index, improvement);
	if (objection)
		return reason_set(reterr_reason, -ENOENT, "the vendor withdrew %s: %s", label,
			objection->reason);
	for (size_t i = 0; i < improvement->images.count; i++)
		if (is_bad_image((void *)manager, &improvement->images.items[i].sha256))
			return explain_failed(manager, improvement, label, reterr_reason);
	*ret_improvement = improvement;
	return 0;
}

/* Who may have the newer one may have the older. */
static bool is_below_offer(const Offer *offer, uint64_t sequence)
{
	return offer->improvement && offer->state == OFFER_AVAILABLE &&
		sequence < offer->improvement->sequence;
}

/* One that is newer than what is installed has to be offered: asking for it by number opens no step
 * of a roll-out early. */
static int choose_sequence(const Manager *manager, uint64_t sequence, Offer *offer, Reason *reason)
{
	const Improvement *improvement;
	char label[LABEL_TEXT_SIZE];
	uint64_t installed;
	uint32_t number;
	int r = manager_installed(manager, &number, &installed, reason);

	if (r == 0)
		r = manager_find(manager, sequence, &improvement, reason);
	if (r < 0)
		return r;
	label_shown(manager->identity.version_id, sequence, label);
	if (sequence == installed)
		return reason_set(reason, -ENODATA, "%s is installed already", label);
	if (sequence < installed)
		r = permission_to_remove(manager, reason);
	if (r < 0)
		return r;
	if (sequence < installed || is_below_offer(offer, sequence)) {
		*offer = (Offer){.state = OFFER_AVAILABLE, .improvement = improvement};
		return 0;
	}
	if (offer->improvement != improvement)
		return reason_set(reason, -EBUSY, "%s is not offered to this machine", label);
	return manager_explain_offer(manager, offer, reason);
}

static int choose(Manager *manager, const InstallRequest *request, Offer *ret_offer, Reason *reason)
{
	StageResult checked;
	int r = request->by_hand ? permission_to_install(manager, reason) : 0;

	if (r == 0)
		r = manager_check(manager, &checked, reason);
	if (r == 0)
		r = manager_offer(manager, request->by_hand, ret_offer, reason);
	if (r == 0 && request->sequence > 0)
		return choose_sequence(manager, request->sequence, ret_offer, reason);
	return r < 0 ? r : manager_explain_offer(manager, ret_offer, reason);
}

int manager_install(
	Manager *manager, const InstallRequest *request, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(obtained_done) Obtained obtained = {};
	Reason why = {};
	Offer offer;
	int r = choose(manager, request, &offer, reterr_reason);

	if (r == 0)
		r = obtained_get(manager, offer.improvement, true, &obtained, reterr_reason);
	if (r == 0)
		r = obtained_show(manager, &obtained, outcome, reterr_reason);
	if (r < 0)
		return r;
	r = remember_wish(manager, request->sequence, &why);
	outcome_add_problem(outcome, r, "what was removed before is not forgotten", &why);
	obtained_finish(
		manager, &obtained, outcome->grafted ? "installed" : "staged", NULL, outcome);
	return 0;
}

int manager_preview(
	Manager *manager, const InstallRequest *request, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(obtained_done) Obtained obtained = {};
	Offer offer;
	int r = choose(manager, request, &offer, reterr_reason);

	if (r == 0)
		r = obtained_get(manager, offer.improvement, false, &obtained, reterr_reason);
	if (r == 0 && obtained.generation && services_are_ours(manager))
		r = services_preview(manager, obtained.generation, &outcome->impact, reterr_reason);
	if (r == 0)
		obtained_note(&obtained, outcome);
	return r;
}

static int explain_downloaded(const Manager *manager, uint64_t sequence, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, sequence, label);
	return reason_set(
		reason, -ENODATA, "%s is downloaded already; 'suture install' installs it", label);
}

int manager_download(Manager *manager, const InstallRequest *request, uint64_t *ret_sequence,
	Reason *reterr_reason)
{
	_cleanup_(obtained_done) Obtained obtained = {};
	Offer offer;
	int r = choose(manager, request, &offer, reterr_reason);

	if (r == 0)
		r = obtained_get(manager, offer.improvement, false, &obtained, reterr_reason);
	if (r < 0)
		return r;
	if (!obtained.stage.used_delta && !obtained.stage.used_full)
		return explain_downloaded(manager, obtained.sequence, reterr_reason);
	*ret_sequence = obtained.sequence;
	return manager_record(manager, "downloaded", obtained.stage.generation, obtained.sequence,
		NULL, reterr_reason);
}

/* What is older than the one that is selected is no news, be that one withdrawn. */
static const Improvement *newest_known(const Manager *manager, uint64_t selected)
{
	for (size_t i = 0; manager->has_index && i < manager->index.improvements.count; i++) {
		const Improvement *improvement = &manager->index.improvements.items[i];

		if (improvement->sequence >= selected &&
			!index_withdrawal(&manager->index, improvement->sequence))
			return improvement;
	}
	return NULL;
}

static int want_selected(
	const Manager *manager, ExposureFiles *files, uint32_t number, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	int r = number > 0 ? store_read_generation(manager->store, number, &generation, reason) : 0;

	return r < 0 || !generation ? r : exposure_want_generation(files, generation, reason);
}

int manager_exposure(Manager *manager, ExposureFiles *files, ExposureList *list,
	uint64_t *ret_sequence, Reason *reterr_reason)
{
	const Improvement *newest;
	uint64_t selected;
	uint32_t number;
	int r = manager_installed(manager, &number, &selected, reterr_reason);

	if (r < 0)
		return r;
	newest = newest_known(manager, selected);
	*ret_sequence = newest ? newest->sequence : selected;
	r = newest ? want_improvement(files, newest)
		   : want_selected(manager, files, number, reterr_reason);
	return r < 0 ? r : exposure_scan(manager->store, files, list, reterr_reason);
}
