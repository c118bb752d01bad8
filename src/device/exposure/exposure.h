/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Exposure: which processes still execute code that an improvement replaces.
 *
 * The caller says which files it wants to be in use: those of an offered improvement (before), or
 * of the generation that is grafted (after). Each wanted path is looked at through every view of
 * it: the live path, the copy of the base, and the overlays that /run/suture holds. A view whose
 * file has another digest than the wanted one gives an old (device, inode); a process is exposed
 * when it maps an old file executable. stat() of a /proc/PID/map_files entry gives the same numbers
 * as stat() through the view, which /proc/PID/maps does not (grafting rule 16).
 *
 * A file at a wanted path that no view knows (a base file that was replaced or deleted under a
 * running process) is hashed through map_files, and compared. Only processes whose root is the
 * host's or the device's are taken at their path's word; what containers bring along is not
 * covered.
 *
 * FILE_MAPPED only. A file of kind read-once (a script, a configuration) leaves no trace in maps: a
 * process of the file's declared host binary that started before the switch may still run it, but
 * the record does not name host binaries yet, so nothing is claimed. FILE_KERNEL is compared by
 * build-id under /sys/module elsewhere. FILE_DATA runs nothing. What is not looked at is counted,
 * so that nobody takes "no process" for more than it says.
 *
 * Reading map_files of others needs root (CAP_CHECKPOINT_RESTORE); without it the scan fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/memory.h"
#include "base/reason.h"
#include "crypto/digest.h"
#include "device/store/generation.h"
#include "device/store/store.h"

#define EXPOSURE_COMM_SIZE 16 /* TASK_COMM_LEN */

typedef struct ExposureFile {
	char *path;    /* relative to the root */
	Digest digest; /* wanted */
	bool removed;  /* wanted is that there is none */
	char *component;
	char *ids; /* CVE and similar, separated by blanks; may be empty */
} ExposureFile;

typedef struct ExposureFiles {
	ExposureFile *items;
	size_t count;
	size_t not_covered[FILE_DATA + 1]; /* by kind: files that no scan looks at */
} ExposureFiles;

typedef struct Exposed {
	pid_t pid;
	char comm[EXPOSURE_COMM_SIZE];
	char *exe;  /* the program's path; empty when it cannot be read */
	char *unit; /* of cgroup v2: the last *.service or *.scope; NULL without one */
	const ExposureFile *file; /* borrowed from the wanted files */
} Exposed;

typedef struct ExposureList {
	Exposed *items; /* by process; one entry per process and wanted file */
	size_t count;
	size_t processes; /* that were looked at */
} ExposureList;

/* Adds one wanted file. `digest` NULL: it is to be gone. */
int exposure_want(ExposureFiles *files, const char *path, const Digest *digest,
	const char *component, const char *ids);
/* Adds all files of a generation. */
int exposure_want_generation(
	ExposureFiles *files, const Generation *generation, Reason *reterr_reason);
/* Adds a file of an image by its kind: wanted, or only counted. */
int exposure_want_file(ExposureFiles *files, FileKind kind, const char *path, const Digest *digest,
	const char *component, const char *ids);
void exposure_files_done(ExposureFiles *files);

/* The files must outlive the list. */
int exposure_scan(
	const Store *store, const ExposureFiles *files, ExposureList *ret, Reason *reterr_reason);
void exposure_list_done(ExposureList *list);

/* Pure: the unit in the text of a /proc/PID/cgroup; -ENOENT when it names none. Caller frees. */
int exposure_unit_of(const char *cgroup, char **ret_unit);
