/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "device/fetch/bundle.h"

#define SCHEME     "file://"
#define FOUND      200
#define NOT_FOUND  404
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) /* a FIFO must not hold us up */

/* Where the bytes are. */
typedef struct Source {
	int fd;
	uint64_t offset, size;
} Source;

/* The path of an address, in two parts. */
typedef struct Place {
	char path[FETCH_URL_MAX + 1]; /* of the folder or bundle */
	const char *name;             /* in it, in the address as it is */
} Place;

bool local_is(const char *url)
{
	return text_starts_with(url, SCHEME);
}

/* -1: no hexadecimal digit. Addresses have them in either case. */
static int digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *place = c ? strchr(digits, c) : NULL;

	if (!place)
		return -1;
	return place - digits < 16 ? (int)(place - digits) : (int)(place - digits) - 6;
}

/* Undoes percent-encodings; false for bad ones, and for NUL. */
static bool decode(const char *text, size_t length, char target[static FETCH_URL_MAX + 1])
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int byte = (unsigned char)text[i];

		if (byte == '%') {
			int high = length - i > 2 ? digit(text[i + 1]) : -1;
			int low = high < 0 ? -1 : digit(text[i + 2]);

			if (low < 0)
				return false;
			byte = high << 4 | low;
			i += 2;
		}
		if (byte == 0)
			return false;
		target[used++] = (char)byte;
	}
	target[used] = '\0';
	return true;
}

/* The next place in the path where a repository's own folders begin. */
static const char *next_split(const char *path)
{
	static const char *const folders[] = {"/metadata/", "/targets/", "/blobs/"};

	for (; *path; path++)
		for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
			if (text_starts_with(path, folders[i]))
				return path;
	return NULL;
}

static bool take_place(const char *url, const char *split, Place *ret_place)
{
	const char *path = url + strlen(SCHEME);

	ret_place->name = split + 1;
	return decode(path, (size_t)(split - path), ret_place->path) && ret_place->path[0] == '/' &&
		path_is_normal(ret_place->path + 1);
}

/* The first split, unless a later one makes the place a regular file: then that is a bundle. */
static int find_place(const char *url, Place *ret_place, struct stat *ret_st, Reason *reason)
{
	const char *first = next_split(url + strlen(SCHEME)), *split;

	for (split = first; split; split = next_split(split + 1))
		if (take_place(url, split, ret_place) && stat(ret_place->path, ret_st) == 0 &&
			S_ISREG(ret_st->st_mode))
			return 0;
	if (!first || !take_place(url, first, ret_place))
		return reason_set(reason, -EINVAL, "it is not the address of a repository's file");
	return stat(ret_place->path, ret_st) < 0 ? -errno : 0;
}

static int open_beneath(int folder, const char *name)
{
	const struct open_how how = {
		.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, folder, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* -ENOENT without a reason: there is no such file. */
static int open_in_folder(const Place *place, const char *name, Source *ret, Reason *reason)
{
	_cleanup_fd_ int folder = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (folder < 0)
		return -errno;
	fd = open_beneath(folder, name);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	if (fd == -EXDEV)
		return reason_set(reason, fd, "a link there leads out of %s", place->path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return reason_set(reason, -EIO, "it is not a regular file");
	*ret = (Source){TAKE_FD(fd), 0, (uint64_t)st.st_size};
	return 0;
}

static int open_in_bundle(const Place *place, const char *name, Source *ret, Reason *reason)
{
	_cleanup_fd_ int fd = open(place->path, OPEN_FLAGS);
	BundleMember member;
	int r = fd < 0 ? -errno : bundle_find(fd, name, &member, reason);

	if (r < 0)
		return r;
	*ret = (Source){TAKE_FD(fd), member.offset, member.size};
	return 0;
}

static int open_name(const Place *place, const struct stat *st, Source *ret, Reason *reason)
{
	int (*open_in)(const Place *, const char *, Source *, Reason *) =
		S_ISREG(st->st_mode) ? open_in_bundle : open_in_folder;
	char name[FETCH_URL_MAX + 1];
	int r;

	if (!decode(place->name, strlen(place->name), name) || !path_is_normal(name))
		return reason_set(reason, -EINVAL, "it is not the address of a repository's file");
	r = open_in(place, name, ret, reason);
	if (r == -ENOENT && strcmp(name, place->name) != 0)
		r = open_in(place, place->name, ret, reason);
	return r;
}

/* What a person can do about it. */
static int explain(const Place *place, int error, Reason *reason)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return reason_set(reason, -EACCES,
			"the user who downloads may not read it; give everybody the right to: "
			"chmod -R a+rX %s",
			place->path);
	default: return reason->text[0] ? error : reason_set(reason, error, "%s", strerror(-error));
	}
}

static int open_source(const FetchRequest *request, Source *ret, Reason *reason)
{
	Place place = {};
	struct stat st;
	int r = find_place(request->url, &place, &st, reason);

	if (r == -ENOENT || r == -ENOTDIR)
		return reason_set(reason, -EHOSTUNREACH, "there is no %s; is the medium mounted?",
			place.path);
	if (r == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return reason_set(
			reason, -EHOSTUNREACH, "%s is neither a folder nor a bundle", place.path);
	if (r == 0)
		r = open_name(&place, &st, ret, reason);
	return r < 0 && r != -ENOENT ? explain(&place, r, reason) : r;
}

static int copy(const FetchRequest *request, const Source *source, Reason *reason)
{
	int r = 0;

	if (source->size > request->max)
		return reason_set(reason, -EFBIG,
			"it is larger than the %" PRIu64 " bytes expected", request->max);
	if (ftruncate(request->fd, 0) < 0 || lseek(request->fd, 0, SEEK_SET) < 0 ||
		lseek(source->fd, (off_t)source->offset, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = fd_copy(source->fd, request->fd, source->size);
	return r < 0 ? reason_errno(reason, r == -ENODATA ? -EIO : r, "it cannot be copied") : 0;
}

void local_get(const FetchRequest *request, FetchReply *ret_reply)
{
	FetchReply reply = {.kind = FETCH_DONE, .status = FOUND, .bytes = request->offset};
	Source source = {.fd = -1};
	Reason reason = {};
	int r = open_source(request, &source, &reason);

	if (r == 0)
		r = copy(request, &source, &reason);
	fd_close(source.fd);
	if (r == 0)
		reply.bytes = source.size;
	else if (r == -ENOENT)
		reply.status = NOT_FOUND;
	else {
		reply.kind = FETCH_FAILED;
		reply.error = -r;
		memcpy(reply.text, reason.text, sizeof(reply.text));
	}
	*ret_reply = reply;
}
