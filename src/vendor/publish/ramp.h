/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Ramp: how fast a new improvement reaches the devices of its channel: what the command line says,
 * else the lane of its urgency in WORK/rollout.json (doc/format/rollout.md), else all at once.
 */
#include "vendor/work/workspace.h"
#include "wire/improvement/index.h"

/* As on the command line; NULL: not said. */
typedef struct RampWish {
	const char *ramp;  /* "0:1,24:10,72:100": hours after the start, and percents */
	const char *start; /* a time that is not over */
} RampWish;

/* Gives an improvement its roll-out in a channel, instead of any that it has. -EINVAL with a reason
 * where the wish makes no sense, -EBADMSG where rollout.json does not. */
int ramp_choose(const Workspace *workspace, const RampWish *wish, const char *channel, int64_t now,
	Improvement *improvement, Reason *reterr_reason);

/* {"start", "ramp", "hold", "percent" at `now`}; NULL: no memory. */
json_t *ramp_describe(const Rollout *rollout, int64_t now);

/* Prints the same as the rest of a line: "1 % from …, 10 % after 24 hours". */
void ramp_print(const json_t *described);
