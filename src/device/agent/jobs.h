/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Jobs: what the agent has `suture` do, one after the other, and each as an object on the bus.
 *
 *     r = jobs_add(agent, &(JobRequest){.kind = JOB_CHECK}, &job, &reason);
 *
 * Who asks for what runs or waits already gets that very job. A removal waits for nobody: `suture`
 * itself ends a download that is in its way. When a job ends, JobRemoved tells how, the view is
 * made anew, and rounds_job_ended() is called.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/buffer.h"
#include "device/agent/launch.h"

#define JOBS_MAX       16     /* that run or wait: more are refused as Busy */
#define JOBS_TELL_US   200000 /* between two changes of a job's properties */
#define JOB_PHASE_SIZE 32
#define JOB_PATH_SIZE  64

typedef enum JobKind {
	JOB_CHECK,
	JOB_ACQUIRE,
	JOB_INSTALL,
	JOB_INSTALL_FILE,
	JOB_REMOVE,
	JOB_PREVIEW_INSTALL,
	JOB_PREVIEW_REMOVE,
	JOB_MAINTAIN,
	JOB_RESTART, /* the machine, for what waits for that */
} JobKind;

typedef struct JobRequest {
	JobKind kind;
	uint64_t sequence; /* JOB_INSTALL: 0 is what is offered */
	const char *most;  /* JOB_MAINTAIN: install, download or check; a constant */
	bool background;   /* leaves processor and disk to others */
	bool restarts;     /* the owner wants what it brings to be on at once, by a restart */
	char *file;        /* JOB_INSTALL_FILE: taken over in any case, and removed with the job */
} JobRequest;

typedef struct Job {
	Agent *agent;
	struct Job *next; /* in order of their start */
	uint64_t id;
	char path[JOB_PATH_SIZE];
	JobRequest request;
	bool is_running, was_canceled;
	Launch launch;
	Buffer input;   /* what it printed and was not read yet */
	json_t *report; /* what it ended with */
	char phase[JOB_PHASE_SIZE];
	unsigned percent;
	uint64_t bytes_done, bytes_total;
	uint64_t told_us;
	sd_event_source *io;
	sd_bus_slot *object;
} Job;

typedef struct Jobs {
	Job *first;
	size_t count;
	uint64_t last_id;
	const char *error; /* how the last one failed; "" when it did not */
	Reason problem;
} Jobs;

/* -EBUSY when too many wait. *ret_job is borrowed. */
int jobs_add(Agent *agent, const JobRequest *request, Job **ret_job, Reason *reterr_reason);

/* Ends one; 0, or -EBUSY once it changes mounts. */
int jobs_cancel(Job *job);
bool jobs_is_cancelable(const Job *job);

/* Whether one of them decides what is to be done next. Others do not: an owner may ask for them as
 * often as he likes. */
bool jobs_change_something(const Jobs *jobs);

/* Its word on the bus. */
const char *jobs_kind_word(JobKind kind);

void jobs_done(Jobs *jobs);
