/* SPDX-License-Identifier: Apache-2.0 */
#include "device/facts/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"

/* Some files stand for a word of many programs, and have no room for whose it is. Nobody's clock
 * stops at exactly this nanosecond. */
#define MARK_NS 260311001

static int open_ordinary(int root, const char *path, struct stat *ret_st)
{
	_cleanup_fd_ int fd =
		openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ELOOP ? -EINVAL : -errno;
	if (fstat(fd, ret_st) < 0)
		return -errno;
	return S_ISREG(ret_st->st_mode) ? TAKE_FD(fd) : -EINVAL;
}

int place_read(int root, const char *path, Buffer *ret_text)
{
	struct stat st;
	_cleanup_fd_ int fd = open_ordinary(root, path, &st);
	Buffer text = {};
	int r = fd < 0 ? fd : fd_read_all(fd, PLACE_SIZE_MAX, &text.data, &text.size);

	if (r == 0)
		*ret_text = text;
	return r;
}

bool place_is_marked(int root, const char *path)
{
	struct stat st;
	_cleanup_fd_ int fd = open_ordinary(root, path, &st);

	return fd >= 0 && st.st_mtim.tv_nsec == MARK_NS;
}

static bool has_bytes(int root, const char *path, const Buffer *text)
{
	_cleanup_buffer_ Buffer present = {};

	return place_read(root, path, &present) == 0 && present.size == text->size &&
		memcmp(present.data, text->data, text->size) == 0;
}

static int mark(int fd)
{
	const struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL), .tv_nsec = MARK_NS}};

	return futimens(fd, times) < 0 ? -errno : 0;
}

int place_put(int root, const char *path, const Buffer *text, bool is_marked)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r;

	if (has_bytes(root, path, text) && (!is_marked || place_is_marked(root, path)))
		return 0;
	r = path_make_parent(root, path, 0755);
	if (r == 0)
		r = file_draft_open(root, path, 0644, &draft);
	if (r == 0 && fchmod(draft.fd, 0644) < 0)
		r = -errno;
	if (r == 0)
		r = fd_write_full(draft.fd, text->data, text->size);
	if (r == 0 && is_marked)
		r = mark(draft.fd);
	return r < 0 ? r : file_draft_finish(&draft);
}

int place_remove(int root, const char *path)
{
	return file_remove(root, path);
}
