/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Agent: what the parts of `sutured` share. It powers nothing itself: `suture` is run for whatever
 * has to be known or done (launch.h), so that the command line and the bus cannot disagree.
 *
 *     view        what `suture status` said last, and so every property of the bus
 *     jobs        what runs, and what waits behind it; one at a time
 *     authority   who may ask for it
 *     rounds      when something is done unasked
 *
 * All of it is one thread on one event loop. Where there is no system bus the rounds go on without.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "device/agent/jobs.h"
#include "device/agent/rounds.h"
#include "device/agent/view.h"

#define AGENT_NAME     "org.suture.Manager1" /* of the bus and of the interface */
#define AGENT_PATH     "/org/suture/Manager1"
#define AGENT_ERROR(e) AGENT_NAME ".Error." e

/* Inhibitors, and questions to polkit, of all and of one user: more are refused as Busy. Nobody
 * keeps others from having any by having them all. */
#define AGENT_LOCKS_MAX         64
#define AGENT_LOCKS_OF_USER_MAX 8

typedef struct Question Question;   /* authority.c's */
typedef struct Inhibitor Inhibitor; /* inhibitor.c's */

typedef struct Agent {
	const char *root;
	const char *manager_bus; /* of a service manager that is not the machine's own; else NULL */
	bool uses_units;         /* jobs are transient units of systemd */
	unsigned idle_seconds;   /* without work, after which it ends; 0: it stays */
	bool is_leaving;         /* answers what was asked before, and begins nothing */
	sd_event *event;
	sd_bus *bus; /* NULL: there is none */
	View view;
	Jobs jobs;
	Rounds rounds;
	Question *questions; /* to polkit that are not answered */
	Inhibitor *inhibitors;
	sd_event_source *idle;
} Agent;

/* Somebody asked for something, or something went on: the time to end starts anew. */
void agent_touch(Agent *agent);
