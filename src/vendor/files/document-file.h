/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* DocumentFile: a vendor's JSON file that a schema describes, read and written whole. */
#include "base/reason.h"
#include "wire/json/schema.h"

#define DOCUMENT_FILE_SIZE_MAX ((size_t)16 << 20) /* a draft of a large browser has 2 MB */

/* `ret_data` is a zeroed struct; the reason starts with the path. */
int document_file_load(
	const char *path, const SchemaField *fields, void *ret_data, Reason *reterr_reason);

/* Indented JSON, because people read these files; atomic. */
int document_file_save(
	const char *path, const SchemaField *fields, const void *data, Reason *reterr_reason);
