/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Views: every file that a wanted path shows in any view (live, base copy, held overlays), by
 * device and inode. A file is hashed only when a process turns out to map it. Two wanted paths may
 * show one file, as hard links. */
#include "device/exposure/exposure.h"

typedef enum ViewVerdict {
	VIEW_UNJUDGED, /* not hashed yet */
	VIEW_WANTED,
	VIEW_OLD,
} ViewVerdict;

typedef struct View {
	dev_t device;
	ino_t inode;
	const ExposureFile *file;
	char *path; /* where to read it */
	ViewVerdict verdict;
} View;

typedef struct Views {
	View *items; /* sorted by device, inode and wanted file */
	size_t count;
} Views;

/* The names of a path of the system in its live tree and in the base copy; NULL: no memory. */
char *view_live_path(const Store *store, const char *path);
char *view_base_path(const Store *store, const char *path);

int views_find(const Store *store, const ExposureFiles *files, Views *ret);
void views_done(Views *views);

/* The views of one file, which stand together: their number, with the first. */
size_t views_of(const Views *views, dev_t device, ino_t inode, View **ret_first);

/* Sets the view's verdict. 0 or -ENOMEM. */
int view_judge(View *view);
