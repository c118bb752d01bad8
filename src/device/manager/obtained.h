/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Obtained: an improvement that is verified and in the store, on its way to being shown.
 *
 *     _cleanup_(obtained_done) Obtained obtained = {};
 *     r = obtained_get(manager, improvement, &obtained, &reason);
 *     r = obtained_show(manager, &obtained, &outcome, &reason);
 *     obtained_finish(manager, &obtained, "installed", NULL, &outcome);
 */
#include "device/manager/manager.h"

typedef struct Obtained {
	uint64_t sequence;
	StageResult stage;
	Generation *generation; /* its record; NULL: it brings no images */
} Obtained;
void obtained_done(Obtained *obtained);

/* Downloads and stages it. -EBUSY when it is to be installed and a package manager may change what
 * it would be grafted over. */
int obtained_get(Manager *manager, const Improvement *improvement, bool to_install,
	Obtained *ret_obtained, Reason *reterr_reason);

/* Live where that is honest; otherwise it becomes current and is grafted at the next start. */
int obtained_show(
	Manager *manager, const Obtained *obtained, Outcome *outcome, Reason *reterr_reason);

/* What comes after it, whose failures are the outcome's problems. `text` NULL: the label. */
void obtained_finish(Manager *manager, const Obtained *obtained, const char *event,
	const char *text, Outcome *outcome);

/* Notes what was obtained, as far as nothing is shown. */
void obtained_note(const Obtained *obtained, Outcome *outcome);
