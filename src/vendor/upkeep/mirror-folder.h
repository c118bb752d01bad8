/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * MirrorFolder: where a mirror puts its files, and what it remembers of them.
 *
 *     mirror_folder_open(&folder, "/srv/mirror", &reason);         locked from here on
 *     mirror_folder_put(…)*       small files, whole
 *     mirror_folder_partial(…); … mirror_folder_keep(…)*           large ones
 *     mirror_folder_close(&folder);
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#define MIRROR_STATE   ".mirror" /* in the folder; web servers and listings pass it over */
#define MIRROR_KEPT    MIRROR_STATE "/metadata"
#define MIRROR_ROOTS   MIRROR_STATE "/roots"
#define MIRROR_PARTIAL MIRROR_STATE "/partial"

typedef struct MirrorFolder {
	const char *path;
	int lock;
	int made_fd;
	json_t *made; /* names of the files that a mirror made here */
	size_t files; /* that are new, and their bytes */
	uint64_t bytes;
} MirrorFolder;
#define MIRROR_FOLDER_NONE                                                                         \
	{                                                                                          \
		.lock = -1, .made_fd = -1                                                          \
	}

/* The path stays the caller's. -EBUSY, -EEXIST as in mirror.h. */
int mirror_folder_open(MirrorFolder *folder, const char *path, Reason *reterr_reason);
void mirror_folder_close(MirrorFolder *folder);

char *mirror_folder_path(const MirrorFolder *folder, const char *name); /* NULL: no memory */
bool mirror_folder_has(const MirrorFolder *folder, const char *name, uint64_t size);

/* -ENOENT without a reason where there is none. The caller frees. */
int mirror_folder_read(const MirrorFolder *folder, const char *name, size_t max, uint8_t **ret_data,
	size_t *ret_size);

/* The mirror's own files, which nobody is shown. */
int mirror_folder_save(const MirrorFolder *folder, const char *name, const void *data, size_t size,
	Reason *reterr_reason);

/* Writes or replaces a file of the repository, unless it has these bytes already. */
int mirror_folder_put(MirrorFolder *folder, const char *name, const void *data, size_t size,
	Reason *reterr_reason);

/* Opens what is there of a large file, under a name that has no slashes; ret_fd is the caller's. */
int mirror_folder_partial(const MirrorFolder *folder, const char *partial, int *ret_fd,
	uint64_t *ret_size, Reason *reterr_reason);

/* It is whole and verified: now it is the repository's file `name`. */
int mirror_folder_keep(MirrorFolder *folder, const char *partial, int fd, const char *name,
	uint64_t size, Reason *reterr_reason);

/* What is half there and was not needed this time: of improvements that came and went. */
int mirror_folder_drop_partial(const MirrorFolder *folder, Reason *reterr_reason);

bool mirror_folder_made(const MirrorFolder *folder, const char *name);

/* The list of what was made, without what is not there any more. */
int mirror_folder_forget_missing(MirrorFolder *folder, Reason *reterr_reason);
