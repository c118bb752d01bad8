/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/keys/key-names.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/memory.h"
#include "wire/json/document.h"

#define NAMES_FILE     "key-names.json"
#define NAMES_SIZE_MAX ((size_t)4 << 20) /* tens of thousands of keys */

static bool are_names(const json_t *names)
{
	const char *keyid;
	json_t *each;

	json_object_foreach((json_t *)names, keyid, each)
	{
		if (!json_is_string(each))
			return false;
	}
	return true;
}

int key_names_load(const Workspace *workspace, json_t **ret_names, Reason *reterr_reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, NAMES_FILE);
	_cleanup_json_ json_t *names = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	Reason why = {};
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, NAMES_SIZE_MAX, &data, &size) : -ENOMEM;

	if (r == -ENOENT) {
		*ret_names = json_object();
		return *ret_names ? 0 : -ENOMEM;
	}
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	r = document_parse(data, size, &names, &why);
	if (r == 0 && !are_names(names))
		r = reason_set(&why, -EBADMSG, "not a list of keyids and names");
	if (r < 0)
		return reason_set(reterr_reason, r, "%s: %s", path, why.text);
	*ret_names = TAKE_PTR(names);
	return 0;
}

static int save(const Workspace *workspace, const json_t *names, Reason *reason)
{
	_cleanup_free_ char *path = workspace_path(workspace, NAMES_FILE);
	_cleanup_buffer_ Buffer text = {};
	int r = path ? document_write_indented(names, &text) : -ENOMEM;

	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, text.data, text.size, 0644);
	return r < 0 ? reason_errno(reason, r, "cannot write %s", path) : 0;
}

int key_names_add(const Workspace *workspace, const json_t *entries, Reason *reterr_reason)
{
	_cleanup_json_ json_t *names = NULL, *old = NULL;
	int r = key_names_load(workspace, &names, reterr_reason);

	if (r < 0)
		return r;
	old = json_copy(names);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);
		const char *keyid = json_string_value(json_object_get(entry, "keyid"));

		if (keyid && json_object_set(names, keyid, json_object_get(entry, "name")) < 0)
			return -ENOMEM;
	}
	return !old || !json_equal(names, old) ? save(workspace, names, reterr_reason) : 0;
}
