/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Changes: what differs between two trees, the base and a rebuild of it. Type, mode, owner,
 * extended attributes and content count; times do not. Folders that hold no part of an OS image
 * (dev, lost+found, proc, run, sys, tmp) are not looked at.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/reason.h"

typedef enum ChangeKind { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_REMOVED } ChangeKind;

typedef struct Change {
	ChangeKind kind;
	char *path;      /* relative to both roots */
	mode_t mode;     /* of the new file, or of the old where it is removed */
	mode_t old_mode; /* 0 where it is added */
} Change;

typedef struct Changes {
	Change *items; /* sorted by path; a removed folder stands for all that was in it */
	size_t count;
} Changes;

/* Both roots are folders. 0, or a negative errno with a reason that names the file. */
int changes_find(
	const char *old_root, const char *new_root, Changes *ret_changes, Reason *reterr_reason);
void changes_done(Changes *changes);
#define _cleanup_changes_ _cleanup_(changes_done)

/* A file's extended attributes, names sorted; the list is a sequence of NUL-terminated names, as
 * from llistxattr(2). The caller frees. */
int changes_list_xattrs(const char *path, char **ret_names, size_t *ret_size);
