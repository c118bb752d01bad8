/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Views: every file that a wanted path shows in any view (live, base copy, held overlays), by
 * device and inode. A file is hashed only when a process turns out to map it. */
#include <sys/stat.h>

#include "device/exposure/exposure.h"

typedef enum ViewVerdict {
	VIEW_UNKNOWN, /* no view shows this file */
	VIEW_WANTED,
	VIEW_OLD,
	VIEW_UNJUDGED, /* not hashed yet; views_judge() does not return it */
} ViewVerdict;

typedef struct View {
	dev_t device;
	ino_t inode;
	const ExposureFile *file;
	char *path; /* where to read it */
	ViewVerdict verdict;
} View;

typedef struct Views {
	View *items; /* sorted by device and inode */
	size_t count;
} Views;

int views_find(const Store *store, const ExposureFiles *files, Views *ret, Reason *reterr_reason);
void views_done(Views *views);

/* A ViewVerdict, with *ret_file unless it is VIEW_UNKNOWN; or a negative errno. */
int views_judge(Views *views, const struct stat *st, const ExposureFile **ret_file);
