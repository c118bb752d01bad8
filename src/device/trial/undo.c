/* SPDX-License-Identifier: Apache-2.0 */
#include "device/trial/undo.h"

#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "device/exposure/exposure.h"
#include "device/policy/policy.h"
#include "device/restart/run.h"
#include "device/restart/survey.h"

#define RESTART_US (RUN_SECONDS * UINT64_C(1000000))

/* What is left of the trial: its failed units, as jobs. */
static int start_failed(sd_bus *bus, const Undo *undo, Reason *reason)
{
	const Trial *trial = undo->trial;
	_cleanup_free_ Job *jobs = memory_new_array(trial->unit_count, sizeof(Job));
	size_t count = 0;
	int r = jobs ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < trial->unit_count; i++) {
		_cleanup_(unit_freep) Unit *unit = NULL;

		if (undo->units[i].is_stopped)
			continue;
		r = unit_read(bus, trial->units[i], &unit, reason);
		if (r < 0 && r != -ENOMEM && !bus_is_lost(bus, r))
			r = 0; /* just unloaded: there is nothing to start */
		if (!unit || unit_is_active(unit) || unit->inactive_exit_us == 0 ||
			unit->triggered_by)
			continue;
		/* its start rate limit may be used up by the code that is gone now */
		(void)bus_call(bus, "ResetFailedUnit", NULL, NULL, "s", trial->units[i]);
		jobs[count++] = (Job){.unit = trial->units[i], .method = JOB_RENEW};
	}
	if (r == 0)
		r = jobs_run(bus, jobs, count, RESTART_US, reason);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (!job_succeeded(&jobs[i]))
			r = reason_set(
				reason, 1, "%s does not come up: %s", jobs[i].unit, jobs[i].result);
	return r;
}

static int find_exposed(const Undo *undo, ExposureFiles *files, ExposureList *list, Reason *reason)
{
	int r = 0;

	if (undo->generation)
		r = exposure_want_present(files, undo->store, undo->generation);
	return r < 0 ? r : exposure_scan(undo->store, files, list, reason);
}

static int survey(sd_bus *bus, const ExposureList *list, Plan *plan, Reason *reason)
{
	size_t gone;
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = survey_processes(bus, &list->items[i].pid, 1, plan, &gone, reason);
	return r;
}

static int decide(sd_bus *bus, Plan *plan, const Config *config, Reason *reason)
{
	_cleanup_free_ char *own = NULL;
	const char *protect[CONFIG_PROTECT_MAX];
	PlanPolicy policy = {
		.scope = config->restarts == RESTARTS_OFF ? RESTART_NONE : RESTART_SERVICES,
		.protect = protect,
		.protect_count = config->protect_count,
		.now_us = time_monotonic_us()};
	int r;

	for (size_t i = 0; i < config->protect_count; i++)
		protect[i] = config->protect[i];
	/* it may map what was withdrawn itself, and is about to end */
	r = owner_unit_of(bus, getpid(), &own, reason);
	policy.own = own;
	return r < 0 ? r : plan_decide(plan, &policy);
}

static int name_failed(const Plan *plan, Reason *reason)
{
	for (size_t i = 0; i < plan->count; i++)
		if (run_has_failed(&plan->items[i]))
			return reason_set(reason, 1, "%s was not restarted: %s",
				plan->items[i].unit, plan->items[i].result);
	return 0;
}

static int restart_exposed(sd_bus *bus, const char *address, const Config *config,
	const ExposureList *list, Reason *reason)
{
	_cleanup_(plan_done) Plan plan = {};
	Run run = {.bus = bus, .address = address, .timeout_us = RESTART_US};
	int r = survey(bus, list, &plan, reason);

	if (r == 0)
		r = decide(bus, &plan, config, reason);
	if (r == 0)
		r = run_plan(&run, &plan, reason);
	return r < 0 ? r : name_failed(&plan, reason);
}

int undo_services(const Undo *undo, Reason *reterr_reason)
{
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	_cleanup_(exposure_list_done) ExposureList list = {};
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_policy_ Policy *policy = NULL;
	int started, r = bus_open(undo->address, &bus, reterr_reason);

	if (r != 0)
		return r < 0 ? r : 0;
	if (policy_load(undo->root, &policy) < 0)
		return -ENOMEM;
	started = start_failed(bus, undo, reterr_reason);
	if (started != 0)
		reterr_reason = NULL; /* the first reason counts */
	r = find_exposed(undo, &files, &list, reterr_reason);
	if (r == 0)
		r = restart_exposed(bus, undo->address, &policy->config, &list, reterr_reason);
	return started != 0 ? started : r;
}
