/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * NotesFile: what the vendor says of an improvement, kept so that it can be read without a network:
 * notes/<base key>/<sequence>-<sha256> of the store. The bytes are those that came, whose digest
 * the signed index named; it is compared at every reading, so what the disk damaged counts as
 * missing. What they say is wire/improvement/fixes.h.
 *
 * Those of a base stay as long as it runs, or a generation of it does (store_remove_unused()): an
 * improvement carries over what older ones fixed, and only their notes tell of that.
 */
#include "device/store/store.h"

#define NOTES_FILE_FOLDER   "notes"
#define NOTES_FILE_SIZE_MAX ((size_t)1 << 20) /* as the index allows (doc/format/index.md) */
#define NOTES_FILES_MAX     64                /* of one base: two years of one every other week */

typedef struct NotesFile {
	uint32_t sequence;
	Digest digest;
} NotesFile;

/* All of a base, newest first; the caller frees. Whether their bytes are good shows at reading. */
int notes_file_list(const Store *store, const char *base, NotesFile **ret_files, size_t *ret_count);

/* -ENOENT when there is none, or its bytes are not those of its digest. The caller frees. */
int notes_file_read(const Store *store, const char *base, const NotesFile *file, uint8_t **ret_data,
	size_t *ret_size);

/* Keeps verified bytes, in the place of others for the same sequence. Beyond NOTES_FILES_MAX the
 * oldest go, but not those of what is selected. */
int notes_file_keep(Store *store, const char *base, const NotesFile *file, const void *data,
	size_t size, Reason *reterr_reason);
