/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Place: where a mapped file lies that no view shows. /proc/PID/maps gives a name as this process
 * would spell it; what the name means is told by the mount that the file was opened through, in our
 * own namespace or in the process's.
 */
#include "base/mountinfo.h"
#include "device/exposure/exposure.h"

typedef enum Place {
	PLACE_OURS,      /* at the wanted path, before it was deleted, replaced or covered */
	PLACE_DETACHED,  /* on a mount that nobody has any more, under a name that could be it */
	PLACE_BESIDE,    /* another file of this system that has the same name */
	PLACE_ELSEWHERE, /* a file of the same name that is not of this system */
} Place;

typedef struct Places {
	const Store *store;
	MountTable *mounts; /* ours; read when it is needed first */
} Places;

void places_done(Places *places);

/* A mapped file, for place_find(). */
typedef struct PlaceOf {
	pid_t pid;
	const char *name; /* as /proc/PID/maps has it, without " (deleted)" */
	int mount;        /* the mount's id, of statx() */
	dev_t device;     /* the superblock's, as /proc/PID/maps has it */
} PlaceOf;

/* A process that ended meanwhile has its files elsewhere. 0 or a negative errno. */
int place_find(Places *places, const PlaceOf *of, const ExposureFile *file, Place *ret);

/* Pure: how many components two paths have in common at their ends. */
size_t place_likeness(const char *path, const char *name);
