/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "wire/json/document.h"

#define RECORD_SIZE_MAX                                                                            \
	((size_t)64 << 10) /* a key of RSA has up to 3 KiB, arguments up to 32 KiB */

static int check_owner(int fd, const char *path, Reason *reason)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return reason_set(reason, -EBADMSG, "%s: is not a file", path);
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
		return reason_set(reason, -EACCES,
			"%s may be written by others: look at it, then run 'chown' and "
			"'chmod go-w' on it",
			path);
	return 0;
}

int record_load(const char *path, const SchemaField *fields, void *ret_data, Reason *reterr_reason)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	Reason why = {};
	size_t size;
	int r;

	if (fd < 0)
		return reason_errno(reterr_reason, -errno, "cannot open %s", path);
	r = check_owner(fd, path, reterr_reason);
	if (r < 0)
		return r;
	r = fd_read_all(fd, RECORD_SIZE_MAX, &text, &size);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot read %s", path);
	r = document_parse(text, size, &json, &why);
	if (r == 0)
		r = schema_read(fields, json, ret_data, &why);
	return r < 0 ? reason_set(reterr_reason, r, "%s: %s", path, why.text) : 0;
}

int record_save(const char *path, const SchemaField *fields, const void *data, mode_t mode,
	Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = schema_write(fields, data);
	_cleanup_buffer_ Buffer text = {};
	int r = json ? document_write(json, &text) : -ENOMEM;

	if (r == 0)
		r = path_make_parent(AT_FDCWD, path, 0700);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, text.data, text.size, mode);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}
