/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/activity.h"
#include "device/manager/services.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/fd.h"
#include "base/time.h"
#include "device/manager/after.h"
#include "device/store/trial.h"
#include "wire/json/document.h"

#define PROBLEM_SHOWN 240 /* bytes of the problems before, so that a later one is told, too */

void impact_done(Impact *impact)
{
	json_decref(impact->report);
	*impact = (Impact){};
}

bool services_are_ours(const Manager *manager)
{
	return manager->bus || strcmp(manager->root, "/") == 0;
}

RestartScope services_scope(const Generation *generation)
{
	RestartScope scope = RESTART_NONE;

	for (size_t i = 0; generation && i < generation->image_count; i++)
		if (generation->images[i].restart > scope)
			scope = generation->images[i].restart;
	return scope;
}

/* Entries are by process: each is named once. */
static int list_pids(const ExposureList *list, Buffer *pids, size_t *ret_count)
{
	size_t count = 0;
	int r = buffer_text(pids, "");

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		if (i > 0 && list->items[i - 1].pid == list->items[i].pid)
			continue;
		r = buffer_printf(pids, "%d\n", (int)list->items[i].pid);
		count++;
	}
	*ret_count = count;
	return r;
}

/* Whoever maps one of the files, whichever version of it, as if there should be none; and whoever
 * may read one. */
static int want_users(ExposureFiles *files, const Generation *generation)
{
	static const Digest none;
	static const ExposureImage any = {.digest = &none, .component = "", .ids = ""};
	int r = 0;

	for (size_t i = 0; r == 0 && i < generation->image_count; i++) {
		const GenerationImage *image = &generation->images[i];

		for (size_t j = 0; r == 0 && j < image->file_count; j++)
			if (image->files[j].kind == FILE_MAPPED)
				r = exposure_want_removed(files, &any, image->files[j].path);
		for (size_t j = 0; r == 0 && j < image->removed_count; j++)
			r = exposure_want_removed(files, &any, image->removed[j]);
		for (size_t j = 0; r == 0 && j < image->host_count; j++)
			r = exposure_want_host(files, &any, image->hosts[j]);
	}
	return r;
}

/* From what is mounted, or was, to what is wanted. */
typedef struct Change {
	const Generation *before, *now; /* NULL: the base */
	uint64_t since_us;              /* CLOCK_BOOTTIME */
} Change;

static int want_now(
	const Manager *manager, const Change *change, ExposureFiles *files, Reason *reason)
{
	int r = change->now ? exposure_want_generation(files, change->now, reason) : 0;

	return r < 0 || !change->before ? r
					: exposure_want_base(files, manager->store, change->before,
						  change->now, change->since_us);
}

static int scan(const Manager *manager, ExposureFiles *files, Buffer *pids, size_t *ret_count,
	Reason *reason)
{
	_cleanup_(exposure_list_done) ExposureList list = {};
	int r = exposure_scan(manager->store, files, &list, reason);

	return r < 0 ? r : list_pids(&list, pids, ret_count);
}

static int find_exposed(const Manager *manager, const Change *change, Buffer *pids,
	size_t *ret_count, Reason *reason)
{
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	int r = want_now(manager, change, &files, reason);

	return r < 0 ? r : scan(manager, &files, pids, ret_count, reason);
}

static bool is_well(const json_t *unit)
{
	return strcmp(document_text(unit, "kind"), "service") == 0 &&
		strcmp(document_text(unit, "state"), "active") == 0;
}

/* More units than a record takes are watched by none: health checks have to do. */
static int take_units(const json_t *report, Probation *probation)
{
	const json_t *units = json_object_get(report, "units");

	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);

		if (!is_well(unit))
			continue;
		if (probation->unit_count == PROBATION_UNITS_MAX) {
			probation_done(probation);
			return 0;
		}
		probation->units[probation->unit_count] =
			memory_string(document_text(unit, "unit"));
		if (!probation->units[probation->unit_count])
			return -ENOMEM;
		probation->unit_count++;
	}
	return 0;
}

/* `seconds` for the restarts; 0: as many as suture-restart takes by itself. */
static int ask_for_plan(const Manager *manager, const Buffer *pids, RestartScope scope,
	const char *verb, unsigned seconds, json_t **ret_report, Reason *reason)
{
	RestartRun run = {.bus = manager->bus,
		.config = &manager->config,
		.verb = verb,
		.scope = scope,
		.seconds = seconds};

	return worker_restart(&run, pids, ret_report, reason);
}

static int find_users(const Manager *manager, uint32_t number, Probation *probation, Reason *reason)
{
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	_cleanup_(generation_freep) Generation *generation = NULL;
	_cleanup_json_ json_t *report = NULL;
	_cleanup_buffer_ Buffer pids = {};
	size_t count;
	int r = store_read_generation(manager->store, number, &generation, reason);

	if (r == 0)
		r = want_users(&files, generation);
	if (r == 0)
		r = scan(manager, &files, &pids, &count, reason);
	if (r == 0)
		r = ask_for_plan(manager, &pids, RESTART_SERVICES, "plan", 0, &report, reason);
	return r < 0 ? r : take_units(report, probation);
}

void outcome_add_problem(Outcome *outcome, int error, const char *what, const Reason *why)
{
	const Reason before = outcome->problem;
	Reason problem;

	if (error >= 0)
		return;
	if (why->text[0])
		reason_set(&problem, error, "%s: %s", what, why->text);
	else
		reason_errno(&problem, error, "%s", what);
	reason_set(&outcome->problem, error, "%.*s%s%s", PROBLEM_SHOWN, before.text,
		before.text[0] ? "; " : "", problem.text);
}

void outcome_run_after(Outcome *outcome, const char *root, const Generation *generation)
{
	Reason why = {};
	int r = generation ? after_run(root, after_of_generation(generation), &why) : 0;

	outcome_add_problem(outcome, r, "not all was reloaded", &why);
}

void outcome_done(Outcome *outcome)
{
	generation_free(outcome->before);
	impact_done(&outcome->impact);
}

/* Of directories that show different generations, what is selected is the better half of the truth.
 */
static int find_mounted(const Manager *manager, Generation **ret, Reason *reason)
{
	Mounted mounted = {};
	uint32_t number;
	int r = worker_mounted(manager->root, &mounted, reason);

	number = mounted.generation;
	if (r == 0 && mounted.mixed)
		r = store_current(manager->store, &number, reason);
	return r < 0 || number == 0 ? r
				    : store_read_generation(manager->store, number, ret, reason);
}

/* The trial of a generation: how long, and the system's services that use its files, the old ones
 * or the new, and are well. Where they cannot be found health checks have to do. */
static int find_probation(
	const Manager *manager, uint32_t number, Probation *probation, Reason *reason)
{
	probation->seconds = (unsigned)manager->config.window;
	probation->boot_seconds = (unsigned)manager->config.boot_window;
	return find_users(manager, number, probation, reason);
}

/* What settled before has no trial of its own. */
static bool has_trial(const Manager *manager, uint32_t number)
{
	_cleanup_(trial_freep) Trial *trial = NULL;

	return trial_load(manager->store, &trial, NULL) == 0 && trial->generation == number;
}

static void note_trial(const Manager *manager, Outcome *outcome, uint32_t number, bool live,
	const Probation *probation)
{
	bool on_trial = has_trial(manager, number);
	unsigned seconds = live ? probation->seconds : probation->boot_seconds;

	outcome->stage.generation = number;
	outcome->grafted = live && number > 0;
	outcome->trial_seconds = on_trial ? seconds : 0;
	outcome->trial_units = on_trial ? probation->unit_count : 0;
}

int services_switch(
	const Manager *manager, uint32_t number, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(probation_done) Probation probation = {};
	bool ours = services_are_ours(manager), needs_trial = ours && number > 0;
	Reason unknown = {}, unwatched = {};
	int known = 0, watched = 0, r;

	if (ours && !outcome->switched && !outcome->before)
		known = find_mounted(manager, &outcome->before, &unknown);
	if (needs_trial)
		watched = find_probation(manager, number, &probation, &unwatched);
	if (known == -ENOMEM || watched == -ENOMEM)
		return -ENOMEM;
	activity_note(manager->lock, number > 0 ? ACTIVITY_INSTALLING : ACTIVITY_REMOVING);
	manager_tell_phase(manager, "activate");
	r = worker_switch(manager->root, number, needs_trial ? &probation : NULL,
		&outcome->switch_us, reterr_reason);
	if (r < 0)
		return r;
	outcome->switched = true;
	outcome->switched_us = time_boot_us();
	note_trial(manager, outcome, number, true, &probation);
	outcome_add_problem(outcome, watched, "no service is watched", &unwatched);
	outcome_add_problem(outcome, known, "who runs what was on before is not known", &unknown);
	return 0;
}

int services_select(
	const Manager *manager, uint32_t number, Outcome *outcome, Reason *reterr_reason)
{
	_cleanup_(probation_done) Probation probation = {};
	bool needs_trial = services_are_ours(manager) && number > 0;
	Reason unwatched = {};
	int r, watched = needs_trial ? find_probation(manager, number, &probation, &unwatched) : 0;

	if (watched == -ENOMEM)
		return watched;
	activity_note(manager->lock, number > 0 ? ACTIVITY_INSTALLING : ACTIVITY_REMOVING);
	manager_tell_phase(manager, "activate");
	r = worker_select(manager->root, number, needs_trial ? &probation : NULL, reterr_reason);
	if (r < 0)
		return r;
	note_trial(manager, outcome, number, false, &probation);
	outcome_add_problem(outcome, watched, "no service is watched", &unwatched);
	return 0;
}

/* What came of both ends. */
static RestartScope change_scope(const Change *change)
{
	RestartScope before = change->before ? services_scope(change->before) : RESTART_NONE;
	RestartScope now = change->now ? services_scope(change->now) : RESTART_NONE;

	return before > now ? before : now;
}

/* `verb` as of suture-restart. What is run can be seen afterwards. */
static int assess(const Manager *manager, const Change *change, const char *verb, unsigned seconds,
	Impact *ret_impact, Reason *reason)
{
	_cleanup_(impact_done) Impact impact = {.is_known = true, .scope = change_scope(change)};
	_cleanup_buffer_ Buffer pids = {}, left = {};
	int r = find_exposed(manager, change, &pids, &impact.exposed, reason);

	if (r == 0)
		r = ask_for_plan(
			manager, &pids, impact.scope, verb, seconds, &impact.report, reason);
	if (r == 0)
		r = find_exposed(manager, change, &left, &impact.left, reason);
	if (r < 0)
		return r;
	impact_done(ret_impact);
	*ret_impact = impact;
	impact = (Impact){};
	return 0;
}

int services_preview(
	const Manager *manager, const Generation *now, Impact *ret_impact, Reason *reterr_reason)
{
	_cleanup_(generation_freep) Generation *before = NULL;
	int r = find_mounted(manager, &before, reterr_reason);
	const Change change = {.before = before, .now = now, .since_us = time_boot_us()};

	return r < 0 ? r : assess(manager, &change, "plan", 0, ret_impact, reterr_reason);
}

/* What is on trial has half of the window for restarts: the rest is to prove it. */
static int restart_exposed(const Manager *manager, Outcome *outcome, Reason *reason)
{
	_cleanup_(generation_freep) Generation *now = NULL;
	const char *verb = manager->config.restarts == RESTARTS_OFF ? "plan" : "run";
	unsigned seconds =
		outcome->trial_seconds > 0 ? (unsigned)(manager->config.window + 1) / 2 : 0;
	int r = find_mounted(manager, &now, reason);
	const Change change = {
		.before = outcome->before, .now = now, .since_us = outcome->switched_us};

	return r < 0 ? r : assess(manager, &change, verb, seconds, &outcome->impact, reason);
}

/* Somebody may have taken it off already, or it is only staged. */
static bool is_on_trial(const Manager *manager, const Outcome *outcome)
{
	uint32_t current;

	return outcome->trial_seconds > 0 && outcome->grafted &&
		store_current(manager->store, &current, NULL) == 0 &&
		current == outcome->stage.generation;
}

void manager_look_after_services(Manager *manager, Outcome *outcome)
{
	Reason reason = {};
	int r;

	manager->lock = fd_close(manager->lock);
	if (!services_are_ours(manager) || !outcome->switched)
		return;
	manager_tell_phase(manager, "restart");
	r = restart_exposed(manager, outcome, &reason);
	outcome_add_problem(outcome, r, "services were not restarted", &reason);
	if (!is_on_trial(manager, outcome))
		return;
	reason = (Reason){};
	r = worker_watch(manager->root, manager->bus, &reason);
	outcome_add_problem(outcome, r, "nobody watches the trial", &reason);
}

/* The watcher holds this lock (device/trial). */
static bool is_watched(const Manager *manager)
{
	_cleanup_fd_ int fd =
		openat(manager->store->root, STORE_TRIAL_LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int manager_watch_trial(const Manager *manager, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	char boot[TRIAL_BOOT_ID_LEN + 1];
	uint32_t current;
	int r = services_are_ours(manager) ? trial_load(manager->store, &trial, NULL) : 1;

	if (r == 0)
		r = store_current(manager->store, &current, NULL);
	if (r == 0)
		r = trial_boot_id(boot, NULL);
	if (r != 0 || trial->generation != current || strcmp(trial->boot, boot) != 0 ||
		is_watched(manager))
		return r == -ENOMEM ? r : 0;
	return worker_watch(manager->root, manager->bus, reterr_reason);
}
