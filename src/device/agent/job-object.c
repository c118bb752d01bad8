/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/job-object.h"

#include <errno.h>

#include "device/agent/agent.h"
#include "device/agent/authority.h"

#define INTERFACE AGENT_NAME ".Job"

static int get_type(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error)
{
	const Job *job = userdata;

	return sd_bus_message_append(reply, "s", jobs_kind_word(job->request.kind));
}

static int get_cancelable(sd_bus *bus, const char *path, const char *interface,
	const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error)
{
	return sd_bus_message_append(reply, "b", (int)jobs_is_cancelable(userdata));
}

static int get_phase(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error)
{
	const Job *job = userdata;

	return sd_bus_message_append(reply, "s", job->phase);
}

/* The job may have ended while somebody was asked for a password. */
static Job *find(Agent *agent, const char *path)
{
	for (Job *job = agent->jobs.first; job; job = job->next)
		if (strcmp(job->path, path) == 0)
			return job;
	return NULL;
}

static int cancel(Agent *agent, sd_bus_message *message)
{
	Job *job = find(agent, sd_bus_message_get_path(message));

	if (!job || jobs_cancel(job) < 0)
		return sd_bus_reply_method_errorf(message, AGENT_ERROR("NothingToCancel"),
			job ? "It changes the system already, and goes on to its end."
			    : "It has ended already.");
	return sd_bus_reply_method_return(message, NULL);
}

static int on_cancel(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error)
{
	const Job *job = userdata;

	return authority_ask(job->agent, message, authority_of(job->request.kind), cancel);
}

static const sd_bus_vtable table[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Cancel", NULL, NULL, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Id", "t", NULL, offsetof(Job, id), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Type", "s", get_type, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Phase", "s", get_phase, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY(
		"Progress", "u", NULL, offsetof(Job, percent), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("BytesDone", "t", NULL, offsetof(Job, bytes_done), 0),
	SD_BUS_PROPERTY("BytesTotal", "t", NULL, offsetof(Job, bytes_total),
		SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Cancellable", "b", get_cancelable, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END,
};

int job_object_add(Job *job)
{
	int r = job->agent->bus ? sd_bus_add_object_vtable(job->agent->bus, &job->object, job->path,
					  INTERFACE, table, job)
				: 0;

	return r < 0 ? r : 0;
}

void job_object_tell_new(const Job *job)
{
	if (job->agent->bus)
		(void)sd_bus_emit_signal(job->agent->bus, AGENT_PATH, AGENT_NAME, "JobNew", "to",
			job->id, job->path);
}

void job_object_tell_progress(const Job *job)
{
	if (job->agent->bus)
		(void)sd_bus_emit_properties_changed(job->agent->bus, job->path, INTERFACE, "Phase",
			"Progress", "BytesTotal", "Cancellable", NULL);
}

void job_object_tell_removed(
	const Job *job, const char *result, const char *error, const char *text, const char *report)
{
	if (job->agent->bus)
		(void)sd_bus_emit_signal(job->agent->bus, AGENT_PATH, AGENT_NAME, "JobRemoved",
			"tossss", job->id, job->path, result, error, text, report);
}
