/* SPDX-License-Identifier: Apache-2.0 */
#include "device/restart/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/process.h"
#include "base/time.h"

#define MANAGER_PROGRAM  "/usr/lib/systemd/systemd"
#define PROOF_SECONDS    10
#define PROOF_OUTPUT_MAX 65536
#define RETURN_US        (30 * UINT64_C(1000000)) /* for process 1 to answer again */
#define RETURN_PAUSE_NS  50000000

static void set_result(PlanEntry *entry, const char *result)
{
	snprintf(entry->result, sizeof(entry->result), "%s", result);
}

bool run_has_failed(const PlanEntry *entry)
{
	static const char *const good[] = {"", JOB_DONE, "skipped", RUN_ALREADY, JOB_UNFINISHED};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (strcmp(entry->result, good[i]) == 0)
			return false;
	return true;
}

/* 1: the unit is not to be touched any more, and its result says why. */
static int look_again(Run *run, PlanEntry *entry, Reason *reason)
{
	_cleanup_(unit_freep) Unit *now = NULL;
	int r = unit_read(run->bus, entry->unit, &now, reason);

	if (r < 0)
		return r;
	if (strcmp(now->invocation, entry->facts->invocation) == 0)
		return 0;
	set_result(entry, RUN_ALREADY);
	return 1;
}

/* The jobs of a batch, and the entries that they are of. */
typedef struct Batch {
	Job *jobs;
	PlanEntry **entries;
	size_t count;
} Batch;

static void batch_done(Batch *batch)
{
	free(batch->jobs);
	free(batch->entries);
}

static int add_job(Run *run, Batch *batch, PlanEntry *entry, Reason *reason)
{
	int r = look_again(run, entry, reason);

	if (r != 0)
		return r < 0 ? r : 0;
	r = memory_grow(&batch->jobs, batch->count, sizeof(*batch->jobs));
	if (r == 0)
		r = memory_grow(&batch->entries, batch->count, sizeof(PlanEntry *));
	if (r < 0)
		return r;
	batch->jobs[batch->count] = (Job){.unit = entry->unit,
		.method = entry->action == PLAN_RELOAD ? JOB_RELOAD : JOB_RESTART};
	batch->entries[batch->count++] = entry;
	return 0;
}

static void take_results(Run *run, const Batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		PlanEntry *entry = batch->entries[i];

		set_result(entry, batch->jobs[i].result);
		entry->duration_us = batch->jobs[i].duration_us;
		entry->problem = batch->jobs[i].reason;
		run->failed += run_has_failed(entry);
	}
}

static int run_batch(Run *run, Plan *plan, unsigned number, uint64_t end_us, Reason *reason)
{
	_cleanup_(batch_done) Batch batch = {};
	uint64_t now = time_monotonic_us();
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->count; i++)
		if (plan_is_job(&plan->items[i]) && plan->items[i].batch == number)
			r = add_job(run, &batch, &plan->items[i], reason);
	if (r < 0)
		return r;
	r = jobs_run(run->bus, batch.jobs, batch.count, end_us > now ? end_us - now : 0, reason);
	take_results(run, &batch);
	return r;
}

static void skip_batch(Run *run, Plan *plan, unsigned number)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (!plan_is_job(&plan->items[i]) || plan->items[i].batch != number)
			continue;
		set_result(&plan->items[i], RUN_NOT_TRIED);
		run->failed++;
	}
}

/* Whether the manager's program starts at all with what it would be linked to now. */
static int prove_manager(const Run *run, Reason *reason)
{
	const char *const argv[] = {
		run->manager_program ? run->manager_program : MANAGER_PROGRAM, "--version", NULL};
	Process process = {.argv = argv, .seconds = PROOF_SECONDS};
	_cleanup_free_ uint8_t *output = NULL;
	size_t size;
	int status,
		r = process_exchange(
			&process, NULL, 0, PROOF_OUTPUT_MAX, &output, &size, &status, reason);

	if (r == 0 && status != 0)
		r = reason_set(reason, -EIO, "%s does not start any more: it ended with %d",
			argv[0], status);
	return r;
}

/* It does not answer the call: the connection ends, and a new one leads to the new manager. */
static int wait_for_manager(const Run *run, Reason *reason)
{
	const struct timespec pause = {.tv_nsec = RETURN_PAUSE_NS};
	uint64_t end = time_monotonic_us() + RETURN_US;

	do {
		_cleanup_bus_ sd_bus *bus = NULL;
		char state[BUS_WORD_SIZE];

		if (bus_open(run->address, &bus, NULL) == 0 &&
			bus_system_state(bus, state, NULL) == 0)
			return 0;
		nanosleep(&pause, NULL);
	} while (time_monotonic_us() < end);
	return reason_set(reason, -ETIMEDOUT, "process 1 does not answer since it executed itself");
}

static void reexecute(Run *run, PlanEntry *entry)
{
	uint64_t start = time_monotonic_us();
	int r = prove_manager(run, &entry->problem);

	if (r == 0)
		r = bus_call(run->bus, "Reexecute", NULL, NULL, "") == 0 ||
				sd_bus_is_open(run->bus) <= 0
			? wait_for_manager(run, &entry->problem)
			: reason_set(&entry->problem, -EIO, "process 1 refused to execute itself");
	set_result(entry, r == 0 ? JOB_DONE : "failed");
	entry->duration_us = time_monotonic_us() - start;
	run->failed += r < 0;
}

/* What has not come up in time may never do: it counts as little as what failed. */
static bool is_stuck(const Plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (run_has_failed(&plan->items[i]) ||
			strcmp(plan->items[i].result, JOB_UNFINISHED) == 0)
			return true;
	return false;
}

int run_plan(Run *run, Plan *plan, Reason *reterr_reason)
{
	uint64_t end_us = time_monotonic_us() + run->timeout_us;
	int r = 0;

	run->failed = 0;
	for (unsigned batch = 0; r == 0 && batch < plan->batches; batch++) {
		if (is_stuck(plan))
			skip_batch(run, plan, batch);
		else
			r = run_batch(run, plan, batch, end_us, reterr_reason);
	}
	for (size_t i = 0; r == 0 && i < plan->count; i++) {
		if (plan->items[i].action != PLAN_REEXECUTE)
			continue;
		if (!is_stuck(plan)) {
			reexecute(run, &plan->items[i]);
			continue;
		}
		set_result(&plan->items[i], RUN_NOT_TRIED);
		run->failed++;
	}
	return r;
}
