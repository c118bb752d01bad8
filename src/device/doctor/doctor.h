/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Doctor: what on this machine does not go well with grafts, and what to do about it.
 *
 *     _cleanup_(doctor_done) Doctor doctor = {.store = store};
 *     r = doctor_add_directory(&doctor, "usr/lib/x86_64-linux-gnu");   each graft directory
 *     r = doctor_examine(&doctor);
 *     …  doctor.findings  …
 *
 * Nothing is changed and nothing is asked of the network. Files are those below the store's root,
 * the kernel and the mounts are this machine's. What cannot be looked at, for want of root, is
 * passed over. Results: 0 or -ENOMEM.
 */
#include <stdbool.h>
#include <stddef.h>

#include "device/store/store.h"

typedef enum FindingLevel {
	FINDING_NOTE,    /* good to know */
	FINDING_PROBLEM, /* something will not work, or will be refused */
} FindingLevel;
extern const char *const finding_levels[];

typedef struct Finding {
	FindingLevel level;
	const char *name; /* for programs: "fapolicyd" */
	char *text;       /* one sentence */
	char *remedy;     /* another one */
} Finding;

typedef struct Doctor {
	const Store *store;
	char **directories; /* that are, or are to be, grafted; none known: all of usr counts */
	size_t directory_count;
	Finding *findings;
	size_t finding_count;
} Doctor;

int doctor_add_directory(Doctor *doctor, const char *directory);
int doctor_examine(Doctor *doctor);
size_t doctor_problems(const Doctor *doctor);
void doctor_done(Doctor *doctor);

/* For the examinations below. Takes both texts, which memory_printf() made; NULL is -ENOMEM. */
int doctor_find(Doctor *doctor, FindingLevel level, const char *name, char *text, char *remedy);
/* Whether a path, absolute or not, has to do with a graft directory: lies in it, or above it. */
bool doctor_concerns(const Doctor *doctor, const char *path);

/* The examinations, by what they look at. */
int doctor_kernel(Doctor *doctor);   /* features that grafting needs, or is better with */
int doctor_places(Doctor *doctor);   /* store, base, /run/suture */
int doctor_guards(Doctor *doctor);   /* programs that watch over files */
int doctor_services(Doctor *doctor); /* systemd */
