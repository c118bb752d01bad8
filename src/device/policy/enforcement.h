/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Enforcement: what has to be on a machine by when.
 *
 *     26.3.1-b 2026-12-01T18:00     this improvement, or a later one
 *     26.3.1 2026-12-01T18:00       whatever is the newest for this base
 *     newest 2026-12-01T18:00       the same for every base
 *
 * The time is local, without a zone: the same hour of the day on every machine of a fleet. Pure but
 * for the time zone, which is the process's.
 */
#include <stddef.h>
#include <stdint.h>

#include "wire/terms/label.h"

typedef struct Enforcement {
	char improvement[LABEL_TEXT_SIZE];
	int64_t local; /* the wall's date and time, as seconds since 1970 of a machine in UTC */
} Enforcement;

/* What an enforcement is held against. */
typedef struct EnforcementDevice {
	const char *version; /* of the base */
	uint64_t installed;  /* sequence that is on; 0: the base */
	uint64_t offered;    /* newest that can be had; 0: none */
} EnforcementDevice;

typedef struct EnforcementNext {
	const Enforcement *enforcement;
	uint64_t sequence; /* to install: what is offered */
	int64_t deadline;  /* seconds since 1970 */
} EnforcementNext;

/* 0 or -EINVAL. */
int enforcement_parse(const char *text, Enforcement *ret_enforcement);

/* Where local time leaves the hour out, the deadline is as much later; where the hour comes twice,
 * it is one of both. */
int64_t enforcement_deadline(const Enforcement *enforcement);

/* The one whose deadline comes first among those that ask for what this machine has not and can
 * have. What is on already, or older, is passed over; what is about another base, or about an
 * improvement that is not offered yet, stays and waits. To be asked again after each change. */
#define ENFORCEMENT_NONE 1
int enforcement_next(const Enforcement *enforcements, size_t count, const EnforcementDevice *device,
	EnforcementNext *ret_next);
