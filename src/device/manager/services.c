/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/services.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/fd.h"
#include "device/store/trial.h"
#include "wire/json/document.h"

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

	for (size_t i = 0; i < generation->image_count; i++)
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

static int find_processes(const Manager *manager, const Generation *generation, bool users,
	Buffer *pids, size_t *ret_count, Reason *reason)
{
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	_cleanup_(exposure_list_done) ExposureList list = {};
	int r = users ? want_users(&files, generation)
		      : exposure_want_generation(&files, generation, reason);

	if (r == 0)
		r = exposure_scan(manager->store, &files, &list, reason);
	return r < 0 ? r : list_pids(&list, pids, ret_count);
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

static int ask_for_plan(const Manager *manager, const Buffer *pids, RestartScope scope,
	const char *verb, json_t **ret_report, Reason *reason)
{
	RestartRun run = {.bus = manager->bus,
		.config = &manager->config,
		.verb = verb,
		.scope = scope,
		.seconds =
			(unsigned)(manager->config.window + 1) / 2}; /* the rest is to prove it */

	return worker_restart(&run, pids, ret_report, reason);
}

static int find_users(const Manager *manager, uint32_t number, Probation *probation, Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	_cleanup_json_ json_t *report = NULL;
	_cleanup_buffer_ Buffer pids = {};
	size_t count;
	int r = store_read_generation(manager->store, number, &generation, reason);

	if (r == 0)
		r = find_processes(manager, generation, true, &pids, &count, reason);
	if (r == 0)
		r = ask_for_plan(manager, &pids, RESTART_SERVICES, "plan", &report, reason);
	return r < 0 ? r : take_units(report, probation);
}

int services_find_users(const Manager *manager, InstallResult *result, Probation *ret_probation)
{
	Reason reason = {};
	int r = find_users(manager, result->stage.generation, ret_probation, &reason);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		reason_set(&result->problem, r, "no service is watched: %s", reason.text);
	ret_probation->seconds = (unsigned)manager->config.window;
	ret_probation->boot_seconds = (unsigned)manager->config.boot_window;
	result->trial_seconds =
		result->grafted ? ret_probation->seconds : ret_probation->boot_seconds;
	result->trial_units = ret_probation->unit_count;
	return 0;
}

/* `verb` as of suture-restart. What is run can be seen afterwards. */
static int assess(const Manager *manager, uint32_t number, const char *verb, Impact *ret_impact,
	Reason *reason)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	_cleanup_(impact_done) Impact impact = {.is_known = true};
	_cleanup_buffer_ Buffer pids = {}, left = {};
	int r = store_read_generation(manager->store, number, &generation, reason);

	if (r < 0)
		return r;
	impact.scope = services_scope(generation);
	r = find_processes(manager, generation, false, &pids, &impact.exposed, reason);
	if (r == 0)
		r = ask_for_plan(manager, &pids, impact.scope, verb, &impact.report, reason);
	if (r == 0)
		r = find_processes(manager, generation, false, &left, &impact.left, reason);
	if (r < 0)
		return r;
	*ret_impact = impact;
	impact = (Impact){};
	return 0;
}

/* Somebody may have taken it off already, or it is only staged. */
static bool is_current(const Manager *manager, const InstallResult *result)
{
	uint32_t current;

	return result->grafted && result->stage.generation > 0 &&
		store_current(manager->store, &current, NULL) == 0 &&
		current == result->stage.generation;
}

void manager_look_after_services(Manager *manager, InstallResult *result)
{
	const char *verb = manager->config.keeps_services ? "plan" : "run";
	Reason reason = {};
	int r;

	manager->lock = fd_close(manager->lock);
	if (!services_are_ours(manager) || !is_current(manager, result))
		return;
	r = assess(manager, result->stage.generation, verb, &result->impact, &reason);
	if (r < 0 && !result->problem.text[0])
		reason_set(&result->problem, r, "services were not restarted: %s", reason.text);
	r = result->trial_seconds > 0 ? worker_watch(manager->root, manager->bus, &reason) : 0;
	if (r < 0 && !result->problem.text[0])
		reason_set(&result->problem, r, "nobody watches the trial: %s", reason.text);
}

int services_preview(
	const Manager *manager, uint32_t number, Impact *ret_impact, Reason *reterr_reason)
{
	return assess(manager, number, "plan", ret_impact, reterr_reason);
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
