/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/maps.h"
#include "base/path.h"
#include "base/text.h"

/* Bytes. The image itself is proved: of a larger sample it is enough that it can be read. */
#define SAMPLE_HASH_MAX ((uint64_t)1 << 20)

static bool is_restricted(const struct stat *st)
{
	return !(st->st_mode & S_IROTH) || st->st_uid != geteuid();
}

/* Whether `a` tells more than `b` when it can be read, or as much for less work. */
static bool is_better_sample(const struct stat *a, const struct stat *b)
{
	if (is_restricted(a) != is_restricted(b))
		return is_restricted(a);
	return a->st_size < b->st_size;
}

static const char *inside(const char *path, const char *directory)
{
	return path_is_below(path, directory) ? path + strlen(directory) + 1 : NULL;
}

static int check_present(int fd, const char *directory, const GenerationImage *image,
	const GenerationFile **ret_sample, Reason *reterr_reason)
{
	struct stat best = {};

	for (size_t i = 0; i < image->file_count; i++) {
		const GenerationFile *file = &image->files[i];
		const char *name = inside(file->path, directory);
		struct stat st;

		if (!name)
			continue;
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return reason_errno(reterr_reason, -errno,
				"'%s' cannot be reached through the new overlay", file->path);
		if (!S_ISREG(st.st_mode))
			return reason_set(
				reterr_reason, -EBADMSG, "'%s' is no regular file", file->path);
		if (!*ret_sample || is_better_sample(&st, &best)) {
			*ret_sample = file;
			best = st;
		}
	}
	return 0;
}

static int check_absent(
	int fd, const char *directory, const GenerationImage *image, Reason *reterr_reason)
{
	for (size_t i = 0; i < image->removed_count; i++) {
		const char *name = inside(image->removed[i], directory);
		struct stat st;

		if (name && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return reason_set(reterr_reason, -EBADMSG,
				"'%s' should be removed, but the image lets it show",
				image->removed[i]);
	}
	return 0;
}

static int check_sample(
	int fd, const char *directory, const GenerationFile *file, Reason *reterr_reason)
{
	_cleanup_fd_ int sample =
		openat(fd, inside(file->path, directory), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	Digest digest = file->digest;
	uint64_t size = 0;
	char byte;
	int r = sample < 0 ? -errno : fd_size(sample, &size);

	if (r == 0 && size > SAMPLE_HASH_MAX)
		r = fd_pread_full(sample, &byte, 1, 0);
	else if (r == 0)
		r = digest_of_fd(sample, &digest, NULL);
	if (r < 0)
		return reason_errno(reterr_reason, r,
			"'%s' cannot be read through the new overlay (has this process all "
			"capabilities?)",
			file->path);
	if (!digest_equal(&digest, &file->digest))
		return reason_set(reterr_reason, -EKEYREJECTED,
			"'%s' in the image is not what the generation's record says", file->path);
	return 0;
}

int probe_overlay(
	int fd, const char *directory, const GenerationImage *image, Reason *reterr_reason)
{
	const GenerationFile *sample = NULL;
	int r = check_present(fd, directory, image, &sample, reterr_reason);

	if (r == 0)
		r = check_absent(fd, directory, image, reterr_reason);
	if (r == 0 && sample)
		r = check_sample(fd, directory, sample, reterr_reason);
	return r;
}

/* The files that are in use now where the image's files will be. */
typedef struct UsedFile {
	const char *path; /* relative to the root */
	struct stat st;
} UsedFile;

typedef struct Users {
	UsedFile *files;
	size_t count;
	const char *component;
	Reason *reason;
} Users;

/* What is mapped of an overlay over an overlay shows as a file of the lower one, with a name inside
 * that; the inode's number is the same. */
static bool is_mapped(const UsedFile *file, const struct stat *st, const char *name)
{
	if (file->st.st_ino != st->st_ino)
		return false;
	return file->st.st_dev == st->st_dev || text_ends_with(file->path, name) ||
		strcmp(file->path, name + 1) == 0;
}

static int check_mapping(pid_t pid, const Mapping *mapping, void *context)
{
	const Users *users = context;
	char path[128];
	struct stat st;

	if (!mapping->executable || mapping->path[0] != '/')
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%s", pid, mapping->range);
	if (stat(path, &st) < 0)
		return 0; /* ended, or unmapped, just now */
	for (size_t i = 0; i < users->count; i++)
		if (is_mapped(&users->files[i], &st, mapping->path))
			return reason_set(users->reason, -EBUSY,
				"%s is in use by process %d, and its old and new parts must not "
				"meet: "
				"stop its users first, or restart the machine to install it",
				users->component, pid);
	return 0;
}

static int check_process(pid_t pid, void *context)
{
	return maps_visit(pid, check_mapping, context);
}

static int add_present(const Store *store, const char *path, Users *users)
{
	struct stat st;
	int r;

	if (fstatat(store->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* new in the image */
	r = memory_grow(&users->files, users->count, sizeof(UsedFile));
	if (r == 0)
		users->files[users->count++] = (UsedFile){path, st};
	return r;
}

int probe_users(const Store *store, const GenerationImage *image, const char *component,
	Reason *reterr_reason)
{
	Users users = {.component = component, .reason = reterr_reason};
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->file_count; i++)
		if (image->files[i].kind == FILE_MAPPED)
			r = add_present(store, image->files[i].path, &users);
	for (size_t i = 0; r == 0 && i < image->removed_count; i++)
		r = add_present(store, image->removed[i], &users);
	if (r == 0 && users.count > 0)
		r = processes_visit(check_process, &users);
	free(users.files);
	return r;
}
