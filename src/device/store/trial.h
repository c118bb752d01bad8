/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Trial: the record of a generation on probation, as the text file `trial` of the store.
 * doc/format/trial.md has the bytes, doc/design/activation.md the states.
 *
 *     trial_load(store, &trial, &reason)     1: there is none
 *     trial_store(store, trial, &reason)     before `current` moves
 *     trial_clear(store, &reason)            settled, or reverted
 *
 * trial_parse() is pure. A record that cannot be read is -EBADMSG; one of a later format is
 * -EOPNOTSUPP. The activator shows the base then: what is not known to have a try left has none.
 */
#include <stdint.h>

#include "base/buffer.h"
#include "device/store/store.h"

#define TRIAL_TEXT_MAX    65536
#define TRIAL_UNITS_MAX   256 /* more units than that are watched by none, and settle by health.d */
#define TRIAL_WINDOW_MAX  86400
#define TRIAL_TRIES_MAX   9
#define TRIAL_BOOT_ID_LEN 36 /* /proc/sys/kernel/random/boot_id */

typedef struct Trial {
	uint32_t generation;
	uint32_t before;      /* what settled last: where a revert goes; 0 is the base */
	unsigned tries;       /* boots that may still graft it */
	unsigned window;      /* seconds, live */
	unsigned boot_window; /* seconds from the graft of a boot */
	char boot[TRIAL_BOOT_ID_LEN + 1]; /* in which it was grafted last; "-": not yet */
	uint64_t started;                 /* CLOCK_BOOTTIME seconds of that graft; 0 with "-" */
	char **units;                     /* that used the component before the switch, sorted */
	size_t unit_count;
} Trial;

int trial_parse(const void *text, size_t size, Trial **ret, Reason *reterr_reason);
int trial_write(const Trial *trial, Buffer *buffer, Reason *reterr_reason);

int trial_load(const Store *store, Trial **ret, Reason *reterr_reason);
int trial_store(Store *store, const Trial *trial, Reason *reterr_reason);
int trial_clear(Store *store, Reason *reterr_reason);

/* Sorted, each once; -E2BIG beyond the limit, -EINVAL for what is no unit's name. */
int trial_add_unit(Trial *trial, const char *unit);

/* The present boot's identity, as in Trial.boot. */
int trial_boot_id(char ret_id[static TRIAL_BOOT_ID_LEN + 1], Reason *reterr_reason);

Trial *trial_free(Trial *trial);
DEFINE_CLEANUP(Trial *, trial_free)
