/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Record: a JSON file in the folder of keys. Who may write one chooses which key metadata gets, or
 * which program runs: so it counts only when it belongs to its reader or root, and nobody else may
 * write it.
 */
#include <sys/types.h>

#include "base/reason.h"
#include "wire/json/schema.h"

/* `ret_data` is a zeroed struct. -ENOENT; -EACCES: others may write it; -EBADMSG. The reason starts
 * with the path. */
int record_load(const char *path, const SchemaField *fields, void *ret_data, Reason *reterr_reason);

/* Replaces the file in one step. Makes the folder when it is missing. */
int record_save(const char *path, const SchemaField *fields, const void *data, mode_t mode,
	Reason *reterr_reason);
