/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Ceremony: from what is pending in a repository to what is published, by as many people as have to
 * sign it.
 *
 *     ceremony_begin(&ceremony, &repository, "publish", true, &reason);
 *     r = ceremony_settle(&ceremony, &reason);
 *     if (r == CEREMONY_WAITS)                 other keys are needed, on other machines:
 *             ceremony_missing(…)              … who must sign what
 *
 *     ceremony_load(…); ceremony_accept(…)*; ceremony_settle(…);     later, with what they signed
 *
 * ceremony_begin() signs with every key that the metadata lists for a role and that is held here. A
 * new root is signed by the old root's keys and by its own. Snapshot and timestamp are made last,
 * on top of what is published by then. Until all is signed nothing of it is public.
 */
#include "vendor/keys/envelope.h"
#include "vendor/work/outbox.h"
#include "vendor/repository/repository.h"

typedef struct Ceremony {
	const Repository *repository;
	OutboxNote note;
	json_t *envelopes; /* role → envelope */
} Ceremony;

void ceremony_done(Ceremony *ceremony);
#define _cleanup_ceremony_ _cleanup_(ceremony_done)

/* -EBUSY with a reason, which says what to do, when another change waits for signatures. */
int ceremony_refuse_second(const Workspace *workspace, Reason *reterr_reason);

/* `change`: what is done, in words of the command line. */
int ceremony_begin(Ceremony *ceremony, Repository *repository, const char *change, bool with_drafts,
	Reason *reterr_reason);

/* Reads the waiting outbox; -ENODATA with a reason when there is none. */
int ceremony_load(Ceremony *ceremony, const Repository *repository, Reason *reterr_reason);

/* The envelopes' own part of the way: who may sign, which version, and where it lies. */
void ceremony_authorities(const Ceremony *ceremony, const char *role, Authorities *ret);
const json_t *ceremony_body(const Ceremony *ceremony, const char *role);
char *ceremony_file(const Ceremony *ceremony, const char *role); /* absolute; NULL: no memory */

/* Publishes when all is signed, and returns 0. CEREMONY_WAITS when signatures are missing; where
 * only those of snapshot and timestamp are, the reason says so. */
#define CEREMONY_WAITS 1
int ceremony_settle(Ceremony *ceremony, Reason *reterr_reason);

/* Takes the signatures of a carried copy: it must be of the same `signed` part as an envelope that
 * waits, and every signature in it must be good and by a key that may sign. -EKEYREJECTED with a
 * reason if not; then nothing is taken. ret_role lives as long as the ceremony. */
int ceremony_accept(
	Ceremony *ceremony, const char *path, const char **ret_role, Reason *reterr_reason);

/* What is missing: a list of {"role", "version", "file", "missing", "keys": [{"keyid", "name"}]},
 * one for each role, for root one for each of the old and the new root's keys where they differ.
 * `names`: keyid → name, from key_names_load(). NULL when memory is short. */
json_t *ceremony_missing(const Ceremony *ceremony, const json_t *names);
