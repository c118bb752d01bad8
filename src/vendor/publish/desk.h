/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Desk: what the verbs of suture-publish share: the command line's options, what every verb works
 * on, and how a verb ends.
 *
 *     _cleanup_desk_ Desk desk = DESK_EMPTY;
 *     int r = desk_open_for_change(&desk);
 *     …                                       makes something pending in desk.repository
 *     if (r == 0)
 *             r = desk_commit(&desk, "publish", true);
 *     if (r != 0)
 *             return desk_fail(&desk, r);     also where signatures are missing: EXIT_DEFERRED
 */
#include "base/command.h"
#include "vendor/repository/ceremony.h"

typedef struct Arguments {
	const char *repository; /* NULL: not given, the present folder */
	const char *work, *keys, *channel;
	const char *root, *os_release, *architecture, *variant;
	const char *components, *fixes, *identity_rules, *partition;
	const char *supported_until, *superseded_by; /* base set */
	const char *predecessor, *allow_regression;  /* base add */
	const char *public, *against;
	const char *askpass;
	const char *ramp, *start;
	const char *from, *to;
	const char *level, *reason, *replacement;
	int passphrase_fd; /* -1: not given */
	OptionList bases, debs, includes;
	OptionList chosen; /* components */
	int sequence;
	int jobs;                 /* 0: as many as there are processors */
	const char *trusted_root; /* of a repository without a work folder here */
	int keep_days;
	bool dry_run, prune, signed_only;
	bool json, force, rehearsal;
} Arguments;

extern Arguments arguments; /* main.c fills it before a verb runs */

typedef struct Desk {
	Workspace workspace;
	Signer signer;
	Repository repository;
	Ceremony ceremony; /* behind desk_commit() or desk_load_waiting() */
	Reason reason;
} Desk;
#define DESK_EMPTY                                                                                 \
	{                                                                                          \
		.workspace = {.lock = -1 }                                                         \
	}

void desk_done(Desk *desk); /* leaves it empty, to be opened again */
#define _cleanup_desk_ _cleanup_(desk_done)

/* Opens and locks the workspace of the command line; `create`: makes one that is missing. */
int desk_open_folders(Workspace *workspace, bool create, Reason *reterr_reason);

/* Opens and locks the workspace, and finishes a publication that was interrupted. */
int desk_open_workspace(Workspace *workspace, Reason *reterr_reason);

/* -EINVAL with a reason when it cannot become part of a path. */
int desk_check_channel(const char *name, Reason *reterr_reason);

/* Where the keys are, and how they are opened. */
int desk_open_signer(Signer *signer, bool may_be_new, Reason *reterr_reason);

/* All of it; the signer where --keys is given. `now` 0: an expired repository may be worked on,
 * that is how it is renewed. */
int desk_open(Desk *desk, int64_t now);

/* To look only, while others may be at work: what is published is never changed but by adding. With
 * --trusted-root of a repository alone; the bases are then those that its metadata names. */
int desk_open_to_read(Desk *desk, int64_t now);

/* The same, having published what an interrupted run had signed. -EBUSY with a reason while another
 * change waits for signatures. */
int desk_open_for_change(Desk *desk);

/* Signs and publishes what is pending, with the advisories that follow from it. CEREMONY_WAITS when
 * signatures are missing. */
int desk_commit(Desk *desk, const char *change, bool with_drafts);

/* The change that waits for signatures, of an open desk. -ENODATA when there is none. */
int desk_load_waiting(Desk *desk);

/* The exit code for a result that is not 0, and what there is to say about it: one line on standard
 * error, or for CEREMONY_WAITS whose signatures are missing, on standard output. */
int desk_fail(const Desk *desk, int result);

/* Takes the reference. The exit code. */
int desk_print_json(json_t *json);

/* What is missing for the change on the desk, for people and as the list of the JSON. NULL when
 * memory is short. */
json_t *desk_tell_missing(const Desk *desk);

/* Says that a role's time is running out, where it is, and which command renews it: root, targets
 * and the roles of the bases, or of those that --base names. 0, or what loading them gave; ret_list
 * for the JSON. */
int desk_warn_expiry(Desk *desk, json_t **ret_list);

/* The SHA-256 of WORK/device/root.json, by which a device can be enrolled. */
int desk_root_digest(
	const Workspace *workspace, char ret_text[static DIGEST_TEXT_SIZE], Reason *reterr_reason);
