/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * FileGraft: the graft of a directory that can be no layer of an overlay, because file systems are
 * stacked too deep in it already (grafting rule 2). It is a copy of the base's directory in which
 * every file that the images replace is mounted, and is put on, replaced and taken off as one
 * mount, as an overlay is.
 *
 *     file_graft_begin()     the copy, without files
 *     file_graft_add()       once for each image
 *
 * The files are those of an overlay of the images alone. Mounted from the images themselves they
 * could not tell whose they are: an image may belong to two generations, a superblock of an overlay
 * belongs to one. What covers nothing cannot be shown so: a file that the base lacks, or one that
 * is removed, and neither can what is no plain file.
 */
#include "base/mountinfo.h"
#include "base/reason.h"

/* Each is a mount, in every mount namespace of the machine: the kernel lets a namespace have
 * 100,000 (sysctl fs.mount-max). */
#define FILE_GRAFT_FILES_MAX 1024

/* All but `count` are the caller's, and outlive the calls. */
typedef struct FileGraft {
	const char *directory; /* relative to the root, for people */
	const char *base;      /* the base's directory, attached */
	const char *point;     /* where the graft is made; `overlay` is attached there */
	int overlay;           /* the root of the overlay of the images alone */
	size_t count;          /* files that are mounted */
} FileGraft;

/* Covers the overlay with the copy of the base. */
int file_graft_begin(const FileGraft *graft, Reason *reterr_reason);

/* Mounts the files that are in `tree`, the image's directory. -EOPNOTSUPP, naming the file and the
 * remedy, where it changes what cannot be changed so. */
int file_graft_add(FileGraft *graft, const char *tree, Reason *reterr_reason);

/* Pure. Whether a file is mounted in `mount` as file_graft_add() does it; how many are, and the
 * first of them, NULL where there is none. */
bool file_graft_has(const MountEntry *mount, const MountEntry *file);
size_t file_graft_count(const MountTable *table, const MountEntry *mount);
const MountEntry *file_graft_first(const MountTable *table, const MountEntry *mount);
