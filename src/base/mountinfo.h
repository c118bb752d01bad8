/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * MountTable: what is mounted in this namespace, from /proc/self/mountinfo (proc(5)).
 *
 * Parsing is pure. The strings of the entries live in the table.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/memory.h"
#include "base/reason.h"

#define MOUNT_TABLE_TEXT_MAX ((size_t)64 * 1024 * 1024) /* 100,000 mounts, the kernel's limit */

typedef struct MountEntry {
	int id, parent;
	dev_t device;      /* of the superblock */
	const char *root;  /* which directory of the superblock */
	const char *point; /* where */
	const char *type;
	const char *source;
	bool shared; /* mounts below it show in other namespaces, and theirs here */
} MountEntry;

typedef struct MountTable {
	char *text;
	MountEntry *entries;
	size_t count;
} MountTable;

/* -EBADMSG with the line's number as reason. */
int mount_table_parse(const char *text, size_t size, MountTable **ret, Reason *reterr_reason);
/* From a mountinfo file: /proc/self/mountinfo, or another process's. */
int mount_table_read(const char *path, MountTable **ret, Reason *reterr_reason);
MountTable *mount_table_free(MountTable *table);
DEFINE_CLEANUP(MountTable *, mount_table_free)

/* NULL when there is none. */
const MountEntry *mount_table_find(const MountTable *table, int id);

/* What was mounted last on this very point; NULL when nothing is. */
const MountEntry *mount_table_at(const MountTable *table, const char *point);

/* A place inside a superblock, which means the same in every namespace. */
typedef struct MountPlace {
	dev_t device;
	char *path; /* "/…", or "" for the superblock's root; owned */
} MountPlace;

/* Where `path`, which lies on the mount, is inside the mount's superblock. */
int mount_place(const MountEntry *mount, const char *path, MountPlace *ret);
void mount_place_done(MountPlace *place);
bool mount_place_equal(const MountPlace *a, const MountPlace *b);
