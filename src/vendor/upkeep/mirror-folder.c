/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/mirror-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#define MADE          MIRROR_STATE "/made"
#define MADE_SIZE_MAX ((size_t)1 << 30) /* ten million names */

char *mirror_folder_path(const MirrorFolder *folder, const char *name)
{
	return path_join(folder->path, name);
}

static int fail(int error, const char *what, const char *path, Reason *reason)
{
	return error == -ENOMEM ? error : reason_errno(reason, error, "cannot %s %s", what, path);
}

/* Somebody's own repository must not be written into because its path was given by mistake. */
static int refuse_foreign(const MirrorFolder *folder, Reason *reason)
{
	_cleanup_free_ char *state = mirror_folder_path(folder, MIRROR_STATE);
	_cleanup_free_ char *metadata = mirror_folder_path(folder, "metadata");

	if (!state || !metadata)
		return -ENOMEM;
	if (file_exists(AT_FDCWD, metadata) && !file_exists(AT_FDCWD, state))
		return reason_set(reason, -EEXIST,
			"%s has a repository that no mirror made; choose another folder",
			folder->path);
	return 0;
}

static int make_folders(const MirrorFolder *folder, Reason *reason)
{
	static const char *const names[] = {MIRROR_KEPT, MIRROR_ROOTS, MIRROR_PARTIAL};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = mirror_folder_path(folder, names[i]);
		int r = path ? path_make_directories(AT_FDCWD, path, 0755) : -ENOMEM;

		if (r < 0)
			return fail(r, "make", path, reason);
	}
	return 0;
}

static int take_lock(MirrorFolder *folder, Reason *reason)
{
	_cleanup_free_ char *path = mirror_folder_path(folder, MIRROR_STATE);

	folder->lock = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (folder->lock < 0)
		return path ? fail(-errno, "open", path, reason) : -ENOMEM;
	if (flock(folder->lock, LOCK_EX | LOCK_NB) < 0)
		return reason_set(reason, -EBUSY, "another mirror is at work on %s", folder->path);
	return 0;
}

/* What a killed run left beside the files that it was writing. */
static int remove_unfinished(const MirrorFolder *folder, Reason *reason)
{
	static const char *const names[] = {MIRROR_KEPT, MIRROR_ROOTS, MIRROR_STATE, "metadata"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = mirror_folder_path(folder, names[i]);
		int r = path ? file_remove_unfinished(AT_FDCWD, path, NULL) : -ENOMEM;

		if (r < 0)
			return fail(r, "tidy up", path, reason);
	}
	return 0;
}

/* -- the list of what was made -- */

static int remember(MirrorFolder *folder, const char *name)
{
	return json_object_set_new(folder->made, name, json_true()) < 0 ? -ENOMEM : 0;
}

/* A last line without its end is what a power cut left: its file does not exist. */
static int parse_made(MirrorFolder *folder, char *text)
{
	char *line;
	int r = 0;

	while (r == 0 && (line = text_next_line(&text)))
		if (path_is_normal(line))
			r = remember(folder, line);
	return r;
}

static int load_made(MirrorFolder *folder, Reason *reason)
{
	_cleanup_free_ char *path = mirror_folder_path(folder, MADE);
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, MADE_SIZE_MAX, &text, &size) : -ENOMEM;

	folder->made = json_object();
	if (!folder->made)
		return -ENOMEM;
	if (r == 0)
		r = parse_made(folder, (char *)text);
	if (r < 0 && r != -ENOENT)
		return fail(r, "read", path, reason);
	folder->made_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (folder->made_fd < 0)
		return fail(-errno, "write", path, reason);
	return text && size > 0 && text[size - 1] != '\n' ? fd_write_full(folder->made_fd, "\n", 1)
							  : 0;
}

/* Before the file has its name: what stands in the list and is not there does no harm. */
static int note_made(MirrorFolder *folder, const char *name, Reason *reason)
{
	_cleanup_free_ char *line = memory_printf("%s\n", name);
	_cleanup_free_ char *path = mirror_folder_path(folder, name);
	int r;

	if (!line || !path)
		return -ENOMEM;
	if (json_object_get(folder->made, name) || file_exists(AT_FDCWD, path))
		return 0;
	r = fd_write_full(folder->made_fd, line, strlen(line));
	if (r == 0 && fdatasync(folder->made_fd) < 0)
		r = -errno;
	return r < 0 ? fail(r, "write the list of what was made in", folder->path, reason)
		     : remember(folder, name);
}

bool mirror_folder_made(const MirrorFolder *folder, const char *name)
{
	return json_object_get(folder->made, name) != NULL;
}

int mirror_folder_forget_missing(MirrorFolder *folder, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer text = {};
	const char *name;
	json_t *unused;
	int r = buffer_text(&text, "");

	json_object_foreach(folder->made, name, unused)
	{
		_cleanup_free_ char *path = mirror_folder_path(folder, name);

		if (r == 0 && !path)
			r = -ENOMEM;
		if (r == 0 && file_exists(AT_FDCWD, path))
			r = buffer_printf(&text, "%s\n", name);
	}
	return r < 0 ? r : mirror_folder_save(folder, MADE, text.data, text.size, reterr_reason);
}

/* -- opening -- */

int mirror_folder_open(MirrorFolder *folder, const char *path, Reason *reterr_reason)
{
	int r;

	*folder = (MirrorFolder){.path = path, .lock = -1, .made_fd = -1};
	r = refuse_foreign(folder, reterr_reason);
	if (r == 0)
		r = make_folders(folder, reterr_reason);
	if (r == 0)
		r = take_lock(folder, reterr_reason);
	if (r == 0)
		r = remove_unfinished(folder, reterr_reason);
	return r < 0 ? r : load_made(folder, reterr_reason);
}

void mirror_folder_close(MirrorFolder *folder)
{
	json_decref(folder->made);
	fd_close(folder->made_fd);
	fd_close(folder->lock);
	*folder = (MirrorFolder)MIRROR_FOLDER_NONE;
}

/* -- files -- */

bool mirror_folder_has(const MirrorFolder *folder, const char *name, uint64_t size)
{
	_cleanup_free_ char *path = mirror_folder_path(folder, name);
	struct stat st;

	return path && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

int mirror_folder_read(const MirrorFolder *folder, const char *name, size_t max, uint8_t **ret_data,
	size_t *ret_size)
{
	_cleanup_free_ char *path = mirror_folder_path(folder, name);

	return path ? file_read(AT_FDCWD, path, max, ret_data, ret_size) : -ENOMEM;
}

int mirror_folder_save(const MirrorFolder *folder, const char *name, const void *data, size_t size,
	Reason *reterr_reason)
{
	_cleanup_free_ char *path = mirror_folder_path(folder, name);
	int r = path ? file_write_atomic(AT_FDCWD, path, data, size, 0644) : -ENOMEM;

	return r < 0 ? fail(r, "write", path, reterr_reason) : 0;
}

static int write_draft(const char *path, const void *data, size_t size)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r = path_make_parent(AT_FDCWD, path, 0755);

	if (r == 0)
		r = file_draft_open(AT_FDCWD, path, 0644, &draft);
	if (r == 0)
		r = fd_write_full(draft.fd, data, size);
	return r < 0 ? r : file_draft_finish(&draft);
}

static bool is_same(const char *path, const void *data, size_t size)
{
	_cleanup_free_ uint8_t *old = NULL;
	size_t old_size;

	return file_read(AT_FDCWD, path, size, &old, &old_size) == 0 && old_size == size &&
		memcmp(old, data, size) == 0;
}

int mirror_folder_put(MirrorFolder *folder, const char *name, const void *data, size_t size,
	Reason *reterr_reason)
{
	_cleanup_free_ char *path = mirror_folder_path(folder, name);
	int r;

	if (!path)
		return -ENOMEM;
	if (is_same(path, data, size))
		return 0;
	r = note_made(folder, name, reterr_reason);
	if (r < 0)
		return r;
	r = write_draft(path, data, size);
	if (r < 0)
		return fail(r, "write", path, reterr_reason);
	folder->files++;
	folder->bytes += size;
	return 0;
}

static char *partial_path(const MirrorFolder *folder, const char *partial)
{
	return memory_printf("%s/" MIRROR_PARTIAL "/%s", folder->path, partial);
}

int mirror_folder_partial(const MirrorFolder *folder, const char *partial, int *ret_fd,
	uint64_t *ret_size, Reason *reterr_reason)
{
	_cleanup_free_ char *path = partial_path(folder, partial);
	_cleanup_fd_ int fd =
		path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
	int r;

	if (!path)
		return -ENOMEM;
	r = fd < 0 ? -errno : fd_size(fd, ret_size);
	if (r < 0)
		return fail(r, "write", path, reterr_reason);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int mirror_folder_keep(MirrorFolder *folder, const char *partial, int fd, const char *name,
	uint64_t size, Reason *reterr_reason)
{
	_cleanup_free_ char *from = partial_path(folder, partial);
	_cleanup_free_ char *to = mirror_folder_path(folder, name);
	int r = from && to ? note_made(folder, name, reterr_reason) : -ENOMEM;

	if (r < 0)
		return r;
	r = fsync(fd) < 0 ? -errno : path_make_parent(AT_FDCWD, to, 0755);
	if (r == 0)
		r = file_rename_durable(AT_FDCWD, from, to);
	if (r < 0)
		return fail(r, "write", to, reterr_reason);
	folder->files++;
	folder->bytes += size;
	return 0;
}

int mirror_folder_drop_partial(const MirrorFolder *folder, Reason *reterr_reason)
{
	_cleanup_free_ char *path = mirror_folder_path(folder, MIRROR_PARTIAL);
	int r = path ? path_remove_tree(AT_FDCWD, path) : -ENOMEM;

	return r < 0 ? fail(r, "remove", path, reterr_reason) : 0;
}
