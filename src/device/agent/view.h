/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * View: what `suture status` said last, and the properties of the bus, which are nothing but parts
 * of it.
 *
 *     view_refresh(agent);          looks, and from then on at every change
 *     view_note_change(agent);      something may have changed that no file tells
 *
 * Whoever changes something in the store or in what is configured, the agent's jobs or an owner at
 * a terminal, is noticed by the files that change, and whoever mounts by the mount table; the view
 * is then made anew, at most ten times a second, or twice for mounts, and the properties that came
 * out otherwise are told on the bus.
 */
#include <jansson.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/reason.h"

#define VIEW_PAUSE_US        100000
#define VIEW_MOUNTS_PAUSE_US 500000 /* on many machines others mount all the time */
#define VIEW_FOLDERS         6

typedef struct Agent Agent;

typedef struct View {
	char *text;         /* of the status; NULL: it could not be had */
	json_t *status;     /* the same, read */
	json_t *properties; /* name → value, as it was told last */
	Reason problem;     /* why there is no status */
	sd_event_source *files[VIEW_FOLDERS], *mounts, *timer;
	uint64_t made_us; /* when, of the boot clock */
} View;

void view_done(View *view);

void view_note_change(Agent *agent);

/* At once. Its failure is the view's problem. */
void view_refresh(Agent *agent);

/* Unless that was done a moment ago (VIEW_PAUSE_US) and no change has been noticed since: for who
 * may ask as often as he likes. */
void view_refresh_if_old(Agent *agent);

/* Tells which properties came out otherwise than they were told last. */
void view_tell(Agent *agent);

/* For the table of properties. */
int view_get(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *reterr_error);
