/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Online: snapshot and timestamp, the two roles whose keys are at hand where the repository is.
 * They are made when all that they speak of is signed, and renewed by a timer.
 */
#include "vendor/repository/repository.h"

/* A snapshot with more of its 30 days left than this is not renewed: a device then gets a new
 * timestamp of a few hundred bytes and nothing else. The week it may age is what remains for a
 * timer that stands still unnoticed, beside the timestamp's own. */
#define ONLINE_SNAPSHOT_FRESH_DAYS 23

typedef struct Online {
	json_t *snapshot; /* envelope; NULL where the published one stays */
	json_t *timestamp;
} Online;

void online_done(Online *online);
#define _cleanup_online_ _cleanup_(online_done)

/* Makes and signs both. `root`: the body of the root whose keys count. `changed`: role → version of
 * what changed, or NULL to renew only: then a fresh snapshot stays. -ENOENT with a reason when too
 * few of their keys are held. */
int online_sign(const Repository *repository, const json_t *root, const json_t *changed,
	Online *ret_online, Reason *reterr_reason);

/* Renews and publishes, the timestamp last. */
int online_renew(const Repository *repository, Online *ret_online, Reason *reterr_reason);
