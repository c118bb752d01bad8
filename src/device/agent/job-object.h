/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Job object: a job on the bus, org.suture.Manager1.Job. All of it does nothing without a bus. */
#include "device/agent/jobs.h"

/* 0 or a negative errno. It goes with the job's slot. */
int job_object_add(Job *job);

void job_object_tell_new(const Job *job);
void job_object_tell_progress(const Job *job);
void job_object_tell_removed(const Job *job, const char *result, const char *error,
	const char *text, const char *report);
