/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Outbox: what is going to be published, in WORK/outbox with the layout of the repository, so that
 * nothing is public before all of it is signed.
 *
 *     outbox_put(…)*              into WORK/outbox.new: "blobs/…", "targets/…", "metadata/…",
 *                                 "advisories/…", ".well-known/…", and "work/…" for what changes
 *                                 in the workspace with it
 *     outbox_close(…)             one rename makes it WORK/outbox: it waits for signatures
 *     outbox_amend(…)             more signatures; then "online/…": snapshot and timestamp
 *     outbox_publish(…)           one rename makes it WORK/outbox.ready: from here on it will be
 *                                 public; then every file is moved, timestamp.json last, and
 *                                 behind it the advisories, which tell of what can be had
 *
 * Whoever opens the workspace calls outbox_recover(): what was interrupted before a rename is gone,
 * what was interrupted behind the last is carried on. Blobs, indexes and versioned metadata that
 * nothing points at yet go first; a new root and timestamp.json go last, in two renames without
 * anything between them, because a root that replaces the timestamp's key and the timestamp that is
 * signed with the new one cannot change in one.
 */
#include "base/buffer.h"
#include "vendor/work/workspace.h"

typedef struct OutboxNote {
	uint64_t schema;           /* 1 */
	char *change;              /* what was asked for, for people: "keys rotate root root-1" */
	bool with_drafts;          /* it publishes the drafts: they go when it is published */
	SCHEMA_LIST(char *) roles; /* whose envelopes lie in metadata/ */
} OutboxNote;

void outbox_note_clear(OutboxNote *note);
#define _cleanup_outbox_note_ _cleanup_(outbox_note_clear)

int outbox_put(const Workspace *workspace, const char *name, const void *data, size_t size,
	Reason *reterr_reason);
int outbox_close(const Workspace *workspace, const OutboxNote *note, Reason *reterr_reason);

/* The path where a file of the repository's layout lies before outbox_close(): what was put, or
 * what is published. The caller frees; NULL: no memory. */
char *outbox_source(const Workspace *workspace, const char *name);

/* Drops what was put and not closed. */
int outbox_discard(const Workspace *workspace, Reason *reterr_reason);

/* What a person can do about a file of the waiting outbox that cannot be read. */
#define OUTBOX_REMEDY "'suture-publish abandon' drops the change that waits"

bool outbox_waits(const Workspace *workspace);
int outbox_load(const Workspace *workspace, OutboxNote *ret_note, Reason *reterr_reason);

/* The path of a file in the waiting outbox; the caller frees. */
char *outbox_path(const Workspace *workspace, const char *name);

/* Writes or replaces a file of the waiting outbox. */
int outbox_amend(const Workspace *workspace, const char *name, const void *data, size_t size,
	Reason *reterr_reason);

/* Drops "online/…" of an attempt that was interrupted: its versions may be another's by now. */
int outbox_clear_online(const Workspace *workspace, Reason *reterr_reason);

int outbox_publish(const Workspace *workspace, Reason *reterr_reason);

/* Drops the waiting outbox. */
int outbox_abandon(const Workspace *workspace, Reason *reterr_reason);

/* OUTBOX_RECOVERED when something became public just now: what was read before is out of date. */
#define OUTBOX_RECOVERED 1
bool outbox_is_ready(const Workspace *workspace); /* there is something to carry on */
int outbox_recover(const Workspace *workspace, Reason *reterr_reason);
