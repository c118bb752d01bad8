/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Edit: what the verbs that change published improvements have in common: which improvements the
 * labels of the command line mean, one change for all of them, and telling it.
 *
 * A label ("26.3.1-a") means the improvement of every registered base of that version; --base
 * narrows it to some. All of it is done, or nothing: one refusal is one of the whole.
 */
#include "vendor/repository/channels.h"
#include "vendor/publish/desk.h"
#include "wire/terms/label.h"

typedef struct Letter {
	Channels *channels; /* of its base */
	const Base *base;
	uint64_t sequence;
	int64_t now;
	char shown[LABEL_TEXT_SIZE]; /* "26.3.1 (a)" */
} Letter;

/* Positive results of an edit, with the reason filled. Where they come from all bases that a label
 * means, the verb fails with it. */
#define EDIT_ABSENT 1 /* this base has no such improvement */
#define EDIT_DONE   2 /* what is wanted is so already */

typedef struct Edit {
	const char *verb;
	/* Changes the channels of the letter; adds to `entry` what is to be told of it. */
	int (*change)(const Letter *letter, json_t *entry, Reason *reterr_reason);
	void (*print)(const json_t *entry); /* one line for a person */
} Edit;

/* "26.3.1-a" → the version, which the caller frees, and the sequence. -EINVAL with a reason. */
int edit_parse_label(
	const char *label, char **ret_version, uint64_t *ret_sequence, Reason *reterr_reason);

/* The improvement in a channel, to be changed; EDIT_ABSENT with a reason where it is not listed. */
int edit_find(const Letter *letter, const char *channel, Channel **ret_channel,
	Improvement **ret_improvement, Reason *reterr_reason);

/* Runs the verb on the labels. The exit code. */
int edit_run(const Edit *edit, int count, char **labels);
