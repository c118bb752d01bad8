/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/files/document-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/path.h"
#include "wire/json/document.h"

int document_file_load(
	const char *path, const SchemaField *fields, void *ret_data, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_json_ json_t *json = NULL;
	Reason why = {};
	size_t size;
	int r = file_read(AT_FDCWD, path, DOCUMENT_FILE_SIZE_MAX, &data, &size);

	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	r = document_parse(data, size, &json, &why);
	if (r == 0)
		r = schema_read(fields, json, ret_data, &why);
	return r < 0 ? reason_set(reterr_reason, r, "%s: %s", path, why.text) : 0;
}

int document_file_save(
	const char *path, const SchemaField *fields, const void *data, Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = schema_write(fields, data);
	_cleanup_buffer_ Buffer text = {};
	int r = json ? document_write_indented(json, &text) : -ENOMEM;

	if (r == 0)
		r = path_make_parent(AT_FDCWD, path, 0755);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, text.data, text.size, 0644);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}
