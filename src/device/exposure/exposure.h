/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Exposure: which processes still execute code that an improvement replaces.
 *
 * The caller says which files it wants to be in use: those of an offered improvement (before), or
 * of the generation that is grafted (after). How a file is looked for depends on its kind:
 *
 * FILE_MAPPED, and what is removed. Each wanted path is looked at through every view of it: the
 * live path, the copy of the base, and the overlays that /run/suture holds. A process is exposed
 * when it maps a file executable that one of these shows and whose digest is not the wanted one.
 * stat() of a /proc/PID/map_files entry gives the same numbers as stat() through the view, which
 * /proc/PID/maps does not (grafting rule 16). A mapped file of a wanted name that no view shows is
 * hashed. Where it differs, where it lies decides (device/exposure/place.h): it was at a wanted
 * path of this system and was deleted or replaced there, or it is a copy that belongs to a
 * container, or a file that has nothing to do with it. Copies are listed apart: they are not ours,
 * and no improvement reaches them.
 *
 * FILE_READ_ONCE (a script, a configuration) leaves no trace in maps. A process that maps a host
 * that the vendor declared (an interpreter), and that did not start after the image was attached,
 * may still run it: EXPOSURE_MAY_RUN. Without a declared host nothing is claimed.
 *
 * FILE_KERNEL: a loaded module whose build-id is not the wanted file's. Its remedy is a reboot.
 *
 * FILE_DATA runs nothing. What is not looked at is counted (not_covered), so that nobody takes "no
 * process" for more than it says. Not seen at all: what was linked statically, the copies in an
 * initrd, a file that was renamed under a process, and bundled copies under other names.
 *
 * Reading map_files of others needs root (CAP_CHECKPOINT_RESTORE); without it the scan fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/memory.h"
#include "base/reason.h"
#include "crypto/digest.h"
#include "device/store/generation.h"
#include "device/store/store.h"

#define EXPOSURE_COMM_SIZE 16 /* TASK_COMM_LEN */

typedef enum ExposureUse {
	USE_MAPPED, /* the file itself: `digest`, or gone */
	USE_HOST,   /* it reads files of `image`: every version of it counts */
	USE_MODULE, /* a kernel module with `build_id` */
} ExposureUse;

typedef struct ExposureFile {
	ExposureUse use;
	char *path;        /* relative to the root */
	Digest digest;     /* wanted; of a USE_HOST: the image whose files it reads */
	bool removed;      /* wanted is that there is none */
	uint64_t since_us; /* USE_HOST: who began after this may not (CLOCK_BOOTTIME); 0: after the
			    * image was attached */
	char *build_id;    /* USE_MODULE: in hex; NULL when the vendor does not tell it */
	char *component;
	char *ids; /* CVE and similar, separated by blanks; may be empty */
} ExposureFile;

typedef struct ExposureFiles {
	ExposureFile *items;
	size_t count;
	size_t not_covered[FILE_DATA + 1]; /* by kind: files that no scan looks at */
} ExposureFiles;

/* In the order of exposure_kind_names. */
typedef enum ExposureKind {
	EXPOSURE_EXE,     /* it is the program */
	EXPOSURE_LIBRARY, /* it is mapped besides: linked, or opened while it runs */
	EXPOSURE_DELETED, /* either, and no path leads to it any more, or only one through an
			   * overlay over another, as a system extension over a composefs has them
			   */
	EXPOSURE_MAY_RUN, /* it maps a host that reads the file */
} ExposureKind;
extern const char *const exposure_kind_names[];

typedef struct Exposed {
	pid_t pid;
	ExposureKind kind; /* of `items` */
	char comm[EXPOSURE_COMM_SIZE];
	char *exe;                /* the program's path; empty when it cannot be read */
	char *cgroup;             /* of cgroup v2; empty when there is none */
	char *unit;               /* in it the last *.service or *.scope; NULL without one */
	char *root;               /* its root folder as we see it; empty when it cannot be read */
	const ExposureFile *file; /* borrowed from the wanted files */
} Exposed;

typedef struct ExposureList {
	Exposed *items; /* by process; one entry per process and wanted file */
	size_t count;
	Exposed *copies; /* the same for containers' own files of a wanted name: not covered */
	size_t copy_count;
	const ExposureFile **modules; /* that are loaded, and not known to be the wanted ones */
	size_t module_count;
	size_t processes; /* that were looked at */
	size_t denied;    /* that we were not allowed to look at */
} ExposureList;

/* What is said of all files of an image. */
typedef struct ExposureImage {
	const Digest *digest; /* of the image */
	const char *component;
	const char *ids;
	bool has_hosts; /* exposure_want_host() is called too */
} ExposureImage;

/* Adds a file of an image by its kind: wanted, or only counted. `build_id` of a FILE_KERNEL, or
 * NULL. */
int exposure_want_file(ExposureFiles *files, const ExposureImage *image, FileKind kind,
	const char *path, const Digest *digest, const char *build_id);
int exposure_want_removed(ExposureFiles *files, const ExposureImage *image, const char *path);
int exposure_want_host(ExposureFiles *files, const ExposureImage *image, const char *path);
/* Adds all files of a generation. */
int exposure_want_generation(
	ExposureFiles *files, const Generation *generation, Reason *reterr_reason);
/* Adds what is at the paths of a generation's mapped files now, whatever that is: who maps
 * something else there is exposed then. For what was reverted. */
int exposure_want_present(ExposureFiles *files, const Store *store, const Generation *generation);

/* Adds what the base has at the paths of a generation that is being taken off, or was: who maps
 * something else there, or began before `since_us` and may run its scripts, is exposed then. What
 * `instead` has too, which may be NULL, is not looked at. */
int exposure_want_base(ExposureFiles *files, const Store *store, const Generation *generation,
	const Generation *instead, uint64_t since_us);
void exposure_files_done(ExposureFiles *files);

/* The files must outlive the list. */
int exposure_scan(
	const Store *store, const ExposureFiles *files, ExposureList *ret, Reason *reterr_reason);
void exposure_list_done(ExposureList *list);

/* Pure: the unit in the text of a /proc/PID/cgroup; -ENOENT when it names none. Caller frees. */
int exposure_unit_of(const char *cgroup, char **ret_unit);
