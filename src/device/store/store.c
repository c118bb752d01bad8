/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/path.h"
#include "base/text.h"
#include "device/store/history.h"

#define IMAGE_NAME_SIZE    (sizeof("images/") + 2 * DIGEST_SIZE + sizeof(".erofs"))
#define LINK_TEXT_MAX      64
#define NOTE_TEXT_MAX      4096
#define NOTE_NAME_MAX      64
#define PARTIAL_NAME_MAX   128
#define REMOVED            "removed"
#define REHEARSED          "rehearsed"
#define LOST               "lost"
#define PARTIAL_CHARACTERS TEXT_LOWER TEXT_DIGITS "._-"

static const struct {
	const char *name;
	mode_t mode;
} folders[] = {
	/* images hold old bytes too, as set-user-ID files among them: root's only */
	{"images", 0700},
	{"partial", 0700},
	{"generations", 0755},
	{"bad", 0755},
};

Store *store_free(Store *store)
{
	if (!store)
		return NULL;
	fd_close(store->root);
	fd_close(store->dir);
	free(store->path);
	free(store);
	return NULL;
}

/* Opens below the root; symbolic links on the way mean what they mean to a process in that root. */
static int open_in_root(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static int open_folder(Store *store)
{
	int fd = open_in_root(store->root, STORE_PATH, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		store->dir = fd;
	return fd == -ENOENT || fd >= 0 ? 0 : fd;
}

static char *canonical(const char *root)
{
	_cleanup_free_ char *path = realpath(root, NULL);

	if (!path)
		return NULL;
	return memory_string(strcmp(path, "/") == 0 ? "" : path);
}

int store_open(const char *root, Store **ret, Reason *reterr_reason)
{
	_cleanup_(store_freep) Store *store = memory_new(sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->dir = -1;
	store->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->root < 0)
		return reason_errno(reterr_reason, -errno, "the root folder %s", root);
	store->path = canonical(root);
	if (!store->path)
		return -ENOMEM;
	r = open_folder(store);
	if (r < 0)
		return reason_errno(reterr_reason, r, "the store %s/" STORE_PATH, store->path);
	*ret = TAKE_PTR(store);
	return 0;
}

static int failed(const Store *store, int error, const char *what, Reason *reterr_reason)
{
	if (error == 0)
		return 0;
	return reason_errno(reterr_reason, error, "%s/" STORE_PATH "/%s", store->path, what);
}

int store_make(Store *store, Reason *reterr_reason)
{
	int r = 0;

	if (store->dir < 0)
		r = path_make_directories(store->root, STORE_PATH, 0755);
	if (r == 0 && store->dir < 0)
		r = open_folder(store);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(folders); i++)
		r = path_make_directories(store->dir, folders[i].name, folders[i].mode);
	return failed(store, r, "", reterr_reason);
}

static int read_in_root(
	const Store *store, const char *path, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_fd_ int fd = open_in_root(store->root, path, O_RDONLY | O_NOCTTY);

	return fd < 0 ? fd : fd_read_all(fd, max, ret_data, ret_size);
}

int store_read_identity(const Store *store, BaseIdentity *ret, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = read_in_root(store, "usr/lib/os-release", IDENTITY_TEXT_MAX, &text, &size);

	if (r == -ENOENT)
		r = read_in_root(store, "etc/os-release", IDENTITY_TEXT_MAX, &text, &size);
	if (r < 0)
		return reason_errno(reterr_reason, r, "%s/usr/lib/os-release, which names the base",
			store->path);
	return identity_parse(text, size, NULL, ret, reterr_reason);
}

int store_read_policy(const Store *store, SealPolicy *ret, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = read_in_root(store, SEAL_POLICY_PATH, SEAL_POLICY_SIZE_MAX, &text, &size);

	if (r == -ENOENT) {
		*ret = (SealPolicy){};
		return 0;
	}
	if (r < 0)
		return reason_errno(reterr_reason, r, "%s/" SEAL_POLICY_PATH, store->path);
	return seal_policy_parse(text, size, ret, reterr_reason);
}

static void image_name(const Digest *digest, char ret[static IMAGE_NAME_SIZE])
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	snprintf(ret, IMAGE_NAME_SIZE, "images/%s.erofs", text);
}

static int partial_path(const char *name, char **ret, Reason *reterr_reason)
{
	if (strlen(name) > PARTIAL_NAME_MAX || !text_consists_of(name, PARTIAL_CHARACTERS) ||
		name[0] == '.')
		return reason_set(reterr_reason, -EINVAL, "'%s' is no name for a part", name);
	*ret = memory_printf("partial/%s", name);
	return *ret ? 0 : -ENOMEM;
}

int store_open_partial(Store *store, const char *name, int *ret_fd, Reason *reterr_reason)
{
	_cleanup_free_ char *path = NULL;
	int fd, r = partial_path(name, &path, reterr_reason);

	if (r == 0)
		r = store_make(store, reterr_reason);
	if (r < 0)
		return r;
	fd = openat(store->dir, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return failed(store, -errno, path, reterr_reason);
	*ret_fd = fd;
	return 0;
}

static int check_partial(
	const Store *store, const char *path, const Digest *digest, Reason *reterr_reason)
{
	_cleanup_fd_ int fd =
		openat(store->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	Digest is;
	int r = fd < 0 ? -errno : digest_of_fd(fd, &is, NULL);

	if (r == 0 && !digest_equal(&is, digest))
		return reason_set(reterr_reason, -EKEYREJECTED,
			"%s is not the image it should be: its digest differs", path);
	/* read-only from here: nobody has a reason to write an image */
	if (r == 0 && (fchmod(fd, 0400) < 0 || fsync(fd) < 0))
		r = -errno;
	return failed(store, r, path, reterr_reason);
}

int store_commit_image(Store *store, const char *name, const Digest *digest, Reason *reterr_reason)
{
	_cleanup_free_ char *path = NULL;
	char image[IMAGE_NAME_SIZE];
	int r = partial_path(name, &path, reterr_reason);

	if (r == 0)
		r = store_make(store, reterr_reason);
	if (r == 0)
		r = check_partial(store, path, digest, reterr_reason);
	if (r < 0)
		return r;
	image_name(digest, image);
	r = file_rename_durable(store->dir, path, image);
	return failed(store, r, image, reterr_reason);
}

int store_open_image(const Store *store, const Digest *digest, int *ret_fd, Reason *reterr_reason)
{
	char image[IMAGE_NAME_SIZE];
	int fd = -ENOENT;

	image_name(digest, image);
	if (store->dir >= 0) {
		fd = openat(store->dir, image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return failed(store, fd, image, reterr_reason);
	*ret_fd = fd;
	return 0;
}

static int parse_number(const char *text, uint32_t *ret)
{
	uint64_t number;
	int r = text_to_u64(text, STORE_NUMBER_MAX, &number);

	if (r < 0 || number == 0)
		return -EBADMSG;
	*ret = (uint32_t)number;
	return 0;
}

static void close_stream(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}

static DIR *open_stream(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream)
		fd_close(fd);
	return stream;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int store_list_generations(const Store *store, uint32_t **ret_numbers, size_t *ret_count)
{
	_cleanup_(close_stream) DIR *stream =
		store->dir < 0 ? NULL : open_stream(store->dir, "generations");
	_cleanup_free_ uint32_t *numbers = NULL;
	struct dirent *entry;
	size_t count = 0;

	while (stream && (entry = readdir(stream))) {
		uint32_t number;
		int r;

		if (parse_number(entry->d_name, &number) < 0)
			continue; /* "." and "..", and files that a crash left unfinished */
		r = memory_grow(&numbers, count, sizeof(*numbers));
		if (r < 0)
			return r;
		numbers[count++] = number;
	}
	if (count > 0)
		qsort(numbers, count, sizeof(*numbers), compare_numbers);
	*ret_numbers = TAKE_PTR(numbers);
	*ret_count = count;
	return 0;
}

/* One above everything that ever was: a number never means two things, not even in the history. */
static int next_number(const Store *store, uint32_t *ret, Reason *reterr_reason)
{
	_cleanup_free_ uint32_t *numbers = NULL;
	uint32_t highest = 0, recorded = 0;
	size_t count;
	int r = store_current(store, &highest, reterr_reason);

	if (r == 0)
		r = store_list_generations(store, &numbers, &count);
	if (r == 0)
		r = history_highest_generation(store, &recorded, reterr_reason);
	if (r < 0)
		return r;
	if (count > 0 && numbers[count - 1] > highest)
		highest = numbers[count - 1];
	if (recorded > highest)
		highest = recorded;
	if (highest >= STORE_NUMBER_MAX)
		return reason_set(reterr_reason, -EOVERFLOW, "no generation number is left");
	*ret = highest + 1;
	return 0;
}

int store_commit_generation(
	Store *store, const Generation *generation, uint32_t *ret_number, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer text = {};
	char name[LINK_TEXT_MAX];
	uint32_t number = 0;
	int r = generation_write(generation, &text, reterr_reason);

	if (r == 0)
		r = store_make(store, reterr_reason);
	if (r == 0)
		r = next_number(store, &number, reterr_reason);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "generations/%u", number);
	r = file_write_atomic(store->dir, name, text.data, text.size, 0644);
	if (r == 0)
		*ret_number = number;
	return failed(store, r, name, reterr_reason);
}

int store_read_generation(
	const Store *store, uint32_t number, Generation **ret, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	char name[LINK_TEXT_MAX];
	Reason why = {};
	size_t size;
	int r = -ENOENT;

	snprintf(name, sizeof(name), "generations/%u", number);
	if (store->dir >= 0 && number > 0)
		r = file_read(store->dir, name, GENERATION_TEXT_MAX, &text, &size);
	if (r == -ENOENT)
		return reason_set(reterr_reason, r, "there is no generation %u", number);
	if (r < 0)
		return failed(store, r, name, reterr_reason);
	r = generation_parse(text, size, ret, &why);
	if (r == -EBADMSG)
		return reason_set(reterr_reason, r,
			"%.200s/" STORE_PATH
			"/%s is damaged (%.120s): 'suture install' obtains the "
			"improvement anew, 'suture remove' goes back to the base",
			store->path, name, why.text);
	return r < 0 ? reason_set(reterr_reason, r, "%.200s/" STORE_PATH "/%s: %.200s", store->path,
			       name, why.text)
		     : 0;
}

int store_current(const Store *store, uint32_t *ret_number, Reason *reterr_reason)
{
	char target[LINK_TEXT_MAX];
	ssize_t n;

	n = store->dir < 0 ? -1 : readlinkat(store->dir, "current", target, sizeof(target) - 1);
	if (n < 0 && (store->dir < 0 || errno == ENOENT)) {
		*ret_number = 0;
		return 0;
	}
	if (n < 0)
		return failed(store, -errno, "current", reterr_reason);
	target[n] = '\0';
	if (!text_starts_with(target, "generations/") ||
		parse_number(target + strlen("generations/"), ret_number) < 0)
		return reason_set(reterr_reason, -EBADMSG,
			"%s/" STORE_PATH "/current points to '%s', which is no generation: "
			"'suture remove' goes back to the base",
			store->path, target);
	return 0;
}

static int remove_durable(Store *store, const char *name, Reason *reterr_reason)
{
	int r;

	if (store->dir < 0)
		return 0;
	r = file_remove(store->dir, name);
	if (r == 0)
		r = file_sync_parent(store->dir, name);
	return failed(store, r, name, reterr_reason);
}

int store_set_current(Store *store, uint32_t number, Reason *reterr_reason)
{
	char target[LINK_TEXT_MAX];
	int r;

	if (number == 0)
		return remove_durable(store, "current", reterr_reason);
	r = store_make(store, reterr_reason);
	if (r < 0)
		return r;
	snprintf(target, sizeof(target), "generations/%u", number);
	r = file_link_atomic(store->dir, target, "current");
	return failed(store, r, "current", reterr_reason);
}

/* A file that names one sequence of one base: "suture-<name> 1", then the two. */
static int write_note(
	Store *store, const char *name, const char *base, uint32_t sequence, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer text = {};
	int r = store_make(store, reterr_reason);

	if (r < 0)
		return r;
	r = buffer_printf(&text, "suture-%s 1\nbase %s\nsequence %u\n", name, base, sequence);
	if (r < 0)
		return r;
	r = file_write_atomic(store->dir, name, text.data, text.size, 0644);
	return failed(store, r, name, reterr_reason);
}

static int parse_note(char *text, const char *name, const char *base, uint32_t *ret_sequence,
	Reason *reterr_reason)
{
	char what[NOTE_NAME_MAX], first[NOTE_NAME_MAX];
	Lines lines = {.next = text, .what = what, .reason = reterr_reason};
	char *is_base, *number;
	uint64_t sequence;
	int r;

	snprintf(what, sizeof(what), STORE_PATH "/%s", name);
	snprintf(first, sizeof(first), "suture-%s 1", name);
	r = lines_take_word(&lines, first);
	if (r == 0)
		r = lines_take(&lines, "base", &is_base);
	if (r == 0)
		r = lines_take(&lines, "sequence", &number);
	if (r == 0)
		r = lines_end(&lines);
	if (r == 0 && text_to_u64(number, SEAL_SEQUENCE_MAX, &sequence) < 0)
		r = lines_bad(&lines, "a number is expected here");
	if (r == 0)
		*ret_sequence = strcmp(is_base, base) == 0 ? (uint32_t)sequence : 0;
	return r;
}

static int read_note(const Store *store, const char *name, const char *base, uint32_t *ret_sequence,
	Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = -ENOENT;

	if (store->dir >= 0)
		r = file_read(store->dir, name, NOTE_TEXT_MAX, &text, &size);
	if (r == -ENOENT) {
		*ret_sequence = 0;
		return 0;
	}
	if (r < 0)
		return failed(store, r, name, reterr_reason);
	return parse_note((char *)text, name, base, ret_sequence, reterr_reason);
}

int store_set_removed(Store *store, const char *base, uint32_t sequence, Reason *reterr_reason)
{
	return write_note(store, REMOVED, base, sequence, reterr_reason);
}

int store_removed(
	const Store *store, const char *base, uint32_t *ret_sequence, Reason *reterr_reason)
{
	return read_note(store, REMOVED, base, ret_sequence, reterr_reason);
}

int store_clear_removed(Store *store, Reason *reterr_reason)
{
	return remove_durable(store, REMOVED, reterr_reason);
}

int store_set_rehearsed(Store *store, const char *base, uint32_t sequence, Reason *reterr_reason)
{
	return write_note(store, REHEARSED, base, sequence, reterr_reason);
}

int store_rehearsed(
	const Store *store, const char *base, uint32_t *ret_sequence, Reason *reterr_reason)
{
	return read_note(store, REHEARSED, base, ret_sequence, reterr_reason);
}

int store_clear_rehearsed(Store *store, Reason *reterr_reason)
{
	return remove_durable(store, REHEARSED, reterr_reason);
}

int store_set_lost(Store *store, const char *base, uint32_t sequence, Reason *reterr_reason)
{
	return write_note(store, LOST, base, sequence, reterr_reason);
}

int store_lost(const Store *store, const char *base, uint32_t *ret_sequence, Reason *reterr_reason)
{
	return read_note(store, LOST, base, ret_sequence, reterr_reason);
}

int store_clear_lost(Store *store, Reason *reterr_reason)
{
	return remove_durable(store, LOST, reterr_reason);
}
