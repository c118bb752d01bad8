/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Event: what can happen to a machine, and how the journal is told. What is kept in the history
 * (history.h) is told by the same call that appends it, so that the two cannot disagree; a few
 * events are told alone, since they may come every hour.
 *
 * A message has MESSAGE, MESSAGE_ID, PRIORITY, SYSLOG_IDENTIFIER, SUTURE_EVENT, SUTURE_GENERATION,
 * SUTURE_SEQUENCE, and what is known of SUTURE_LABEL and SUTURE_BASE, the base that runs.
 * data/suture.catalog explains each id: `journalctl -x`.
 */
#include "device/store/store.h"

typedef struct Event {
	const char *name;   /* [a-z-], as in the history */
	const char *id;     /* 32 hexadecimal digits */
	int priority;       /* of base/journal.h */
	const char *says;   /* "was installed": what happened to the improvement, or without one to
			       the base; NULL: the text is the whole sentence */
	bool of_other_base; /* so that the sequence has no label here */
} Event;

extern const Event events[]; /* ends with a zeroed entry */

const Event *event_find(const char *name); /* NULL: not known */

/* Tells the journal. `text`: why, or what of it; where it is the label, it is not repeated. 1:
 * there is no journal. Nothing that happens depends on whether it could be told. */
int event_tell(const Store *store, const char *name, uint32_t generation, uint32_t sequence,
	const char *text);
