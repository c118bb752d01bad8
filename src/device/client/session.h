/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Session: a connection to the agent for one command of somebody who is not root.
 *
 *     r = session_open(&session, &reason);
 *     r = session_call(&session, "Describe", &reply, &reason, NULL);
 *     r = session_work(&session, "Install", &work, &reason, "tt", sequence, flags);
 *     session_close(&session);
 *
 * What polkit has to ask is asked at the terminal, by pkttyagent(1), where there is one; on a
 * desktop by the desktop. Errors of the agent come as a negative errno as the manager's headers use
 * them, with its sentence as reason.
 */
#include <jansson.h>
#include <systemd/sd-bus.h>

#include "base/bar.h"
#include "base/process.h"
#include "base/reason.h"

typedef struct Session {
	sd_bus *bus;
	Process agent;   /* pkttyagent; pid 0: none */
	Bar *bar;        /* shows the progress of work; NULL: nobody does */
	int progress_fd; /* gets it as lines of JSON; -1: none */
	char *job;       /* the path of the job that is waited for */
} Session;

int session_open(Session *session, Reason *reterr_reason);
void session_close(Session *session);
#define _cleanup_session_ _cleanup_(session_close)

int session_call(Session *session, const char *method, sd_bus_message **ret_reply,
	Reason *reterr_reason, const char *types, ...);

/* A method that starts a job: waits for its end. *ret_report is what the work printed as JSON, the
 * caller's reference; NULL where it printed none. -ENODATA: there was nothing to do. */
int session_work(Session *session, const char *method, json_t **ret_report, Reason *reterr_reason,
	const char *types, ...);
