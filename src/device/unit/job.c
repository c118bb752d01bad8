/* SPDX-License-Identifier: Apache-2.0 */
#include "device/unit/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

#define MODE "replace" /* as systemctl(1): what was asked for last counts */

typedef struct JobSet {
	Job *items;
	size_t count, pending;
	uint64_t start_us;
} JobSet;

static void finish(JobSet *jobs, Job *job, const char *result)
{
	snprintf(job->result, sizeof(job->result), "%s", result);
	job->duration_us = time_monotonic_us() - jobs->start_us;
}

static int take_removed(sd_bus_message *message, void *context, sd_bus_error *error)
{
	JobSet *jobs = context;
	const char *path, *unit, *result;
	uint32_t id;

	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0; /* no word of a job of ours */
	for (size_t i = 0; i < jobs->count; i++) {
		Job *job = &jobs->items[i];

		if (!job->path || job->result[0] || strcmp(job->path, path) != 0)
			continue;
		finish(jobs, job, result);
		jobs->pending--;
	}
	return 0;
}

/* A refusal is the job's result; what breaks the connection is an error. */
static int enqueue(sd_bus *bus, JobSet *jobs, Job *job, Reason *reason)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *path;
	int r = bus_call(bus, job->method, &reply, &job->reason, "ss", job->unit, MODE);

	if (r < 0 && sd_bus_is_open(bus) > 0 && r != -ENOMEM) {
		finish(jobs, job, JOB_REFUSED);
		return 0;
	}
	if (r < 0)
		return reason_set(reason, r, "%s", job->reason.text);
	r = sd_bus_message_read_basic(reply, 'o', &path);
	if (r < 0)
		return bus_bad_reply(r, job->unit, reason);
	job->path = memory_string(path);
	jobs->pending++;
	return job->path ? 0 : -ENOMEM;
}

static int wait_for_all(sd_bus *bus, JobSet *jobs, uint64_t timeout_us)
{
	while (jobs->pending > 0) {
		uint64_t spent = time_monotonic_us() - jobs->start_us;
		int r = sd_bus_process(bus, NULL);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (spent >= timeout_us)
			return 0;
		r = sd_bus_wait(bus, timeout_us - spent);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

int job_watch(sd_bus *bus, sd_bus_slot **ret_slot, sd_bus_message_handler_t handler, void *context)
{
	return sd_bus_match_signal(bus, ret_slot, NULL, "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "JobRemoved", handler, context);
}

int jobs_run(sd_bus *bus, Job *jobs, size_t count, uint64_t timeout_us, Reason *reterr_reason)
{
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
	JobSet set = {.items = jobs, .count = count, .start_us = time_monotonic_us()};
	int r = job_watch(bus, &slot, take_removed, &set);

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = enqueue(bus, &set, &jobs[i], reterr_reason);
	if (r >= 0) {
		r = wait_for_all(bus, &set, timeout_us);
		if (r < 0)
			reason_errno(reterr_reason, r, "waiting for the service manager");
	}
	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].result[0])
			finish(&set, &jobs[i], JOB_UNFINISHED);
		free(jobs[i].path);
		jobs[i].path = NULL;
	}
	return r < 0 ? r : 0;
}

int job_start(sd_bus *bus, const char *unit, const char *mode, Reason *reterr_reason)
{
	return bus_call(bus, JOB_START, NULL, reterr_reason, "ss", unit, mode);
}

static int append_command(sd_bus_message *call, const char *const *argv)
{
	int r = sd_bus_message_open_container(call, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(call, "s", "ExecStart");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'v', "a(sasb)");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "(sasb)");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'r', "sasb");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", argv[0]);
	if (r >= 0)
		r = sd_bus_message_append_strv(call, (char **)argv);
	if (r >= 0)
		r = sd_bus_message_append(call, "b", false);
	for (int i = 0; r >= 0 && i < 4; i++)
		r = sd_bus_message_close_container(call);
	return r;
}

static int append_service(
	sd_bus_message *call, const char *unit, const char *description, const char *const *argv)
{
	int r = sd_bus_message_append(call, "ss", unit, "fail");

	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "(sv)");
	if (r >= 0)
		r = sd_bus_message_append(call, "(sv)(sv)", "Description", "s", description,
			"CollectMode", "s", "inactive-or-failed");
	if (r >= 0)
		r = append_command(call, argv);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? r : sd_bus_message_append(call, "a(sa(sv))", 0);
}

int job_start_transient(sd_bus *bus, const char *unit, const char *description,
	const char *const *argv, Reason *reterr_reason)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	int r = bus_new_call(bus, "StartTransientUnit", &call);

	if (r >= 0)
		r = append_service(call, unit, description, argv);
	return r < 0 ? reason_errno(reterr_reason, r, "asking for %s", unit)
		     : bus_send(bus, call, NULL, reterr_reason);
}

bool job_succeeded(const Job *job)
{
	return strcmp(job->result, JOB_DONE) == 0 || strcmp(job->result, "skipped") == 0;
}
