/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Launch: `suture` with a few words, as a process that the agent follows by what it prints.
 *
 * Under systemd it is a transient unit: so it works in the mount namespace of the host and with the
 * powers that grafting takes, none of which the agent has. Elsewhere it is a child.
 *
 *     r = launch_start(agent, "install", words, &launch, &reason);
 *     …reads launch.output to its end…
 *     launch_end(agent, &launch);
 *
 * And for what only looks, a child that is waited for: launch_ask().
 */
#include "base/process.h"
#include "base/reason.h"

#define LAUNCH_WORDS_MAX    8                 /* behind the program's name */
#define LAUNCH_OUTPUT_MAX   ((size_t)4 << 20) /* the longest history is 1 MiB of lines */
#define LAUNCH_LOOK_SECONDS 20                /* a look takes 50 ms; a stuck disk longer */

typedef struct Agent Agent;

typedef struct Launch {
	Process process; /* pid 0: it is a unit */
	char unit[64];
	int output; /* what it prints: lines of JSON */
} Launch;

/* `words` ends with NULL. */
int launch_start(Agent *agent, const char *const *words, Launch *ret_launch, Reason *reterr_reason);

/* Asks it to end. It may take a while. */
void launch_stop(Agent *agent, const Launch *launch);

/* Once nobody follows it any more. A child that is still at work is asked to end; a unit goes on.
 */
void launch_end(Agent *agent, Launch *launch);

/* What `suture WORDS` prints, as text that the caller frees; with `--json` among them its failure
 * is 0 as well, and the text says so. */
int launch_ask(
	const Agent *agent, const char *const *words, char **ret_text, Reason *reterr_reason);
