/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/notes-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define SEQUENCE_DIGITS 9 /* of STORE_NUMBER_MAX */
#define NAME_MAX_BYTES  (SEQUENCE_DIGITS + 1 + DIGEST_TEXT_SIZE)
#define PATH_SIZE       (sizeof(NOTES_FILE_FOLDER) + IDENTITY_KEY_MAX + 1 + NAME_MAX_BYTES + 1)

static void path_of(const char *base, const NotesFile *file, char ret_path[static PATH_SIZE])
{
	char digest[DIGEST_TEXT_SIZE];

	digest_to_text(&file->digest, digest);
	snprintf(ret_path, PATH_SIZE, NOTES_FILE_FOLDER "/%s/%" PRIu32 "-%s", base, file->sequence,
		digest);
}

static int parse_name(const char *name, NotesFile *ret)
{
	size_t length = strcspn(name, "-");
	char digits[SEQUENCE_DIGITS + 1] = "";
	uint64_t sequence;

	if (length > SEQUENCE_DIGITS || !name[length])
		return -EBADMSG;
	memcpy(digits, name, length);
	if (text_to_u64(digits, STORE_NUMBER_MAX, &sequence) < 0)
		return -EBADMSG;
	ret->sequence = (uint32_t)sequence;
	return digest_from_text(name + length + 1, &ret->digest);
}

static int compare_files(const void *a, const void *b)
{
	uint32_t x = ((const NotesFile *)a)->sequence, y = ((const NotesFile *)b)->sequence;

	return (x < y) - (x > y);
}

static int read_names(DIR *stream, NotesFile **ret_files, size_t *ret_count)
{
	_cleanup_free_ NotesFile *files = NULL;
	const struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(stream))) {
		NotesFile file;
		int r;

		if (parse_name(entry->d_name, &file) < 0)
			continue; /* "." and "..", and what a crash left unfinished */
		r = memory_grow(&files, count, sizeof(file));
		if (r < 0)
			return r;
		files[count++] = file;
	}
	if (count > 0)
		qsort(files, count, sizeof(*files), compare_files);
	*ret_files = TAKE_PTR(files);
	*ret_count = count;
	return 0;
}

int notes_file_list(const Store *store, const char *base, NotesFile **ret_files, size_t *ret_count)
{
	_cleanup_free_ char *folder = path_join(NOTES_FILE_FOLDER, base);
	int fd, r;
	DIR *stream;

	if (!folder)
		return -ENOMEM;
	fd = store->dir < 0 ? -1 : openat(store->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		fd_close(fd);
		*ret_files = NULL;
		*ret_count = 0;
		return 0;
	}
	r = read_names(stream, ret_files, ret_count);
	closedir(stream);
	return r;
}

int notes_file_read(const Store *store, const char *base, const NotesFile *file, uint8_t **ret_data,
	size_t *ret_size)
{
	_cleanup_free_ uint8_t *data = NULL;
	char path[PATH_SIZE];
	Digest digest;
	size_t size;
	int r;

	if (store->dir < 0)
		return -ENOENT;
	path_of(base, file, path);
	r = file_read(store->dir, path, NOTES_FILE_SIZE_MAX, &data, &size);
	if (r == 0)
		r = digest_of(data, size, &digest);
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	if (!digest_equal(&digest, &file->digest))
		return -ENOENT;
	*ret_data = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

/* What cannot be read is selected no more than nothing is. */
static uint32_t selected_sequence(const Store *store, const char *base)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	uint32_t number = 0;

	if (store_current(store, &number, NULL) < 0 || number == 0 ||
		store_read_generation(store, number, &generation, NULL) < 0)
		return 0;
	return strcmp(generation->base, base) == 0 ? generation->sequence : 0;
}

/* What cannot be removed does no harm but the space it takes. */
static int remove_others(const Store *store, const char *base, const NotesFile *kept)
{
	_cleanup_free_ NotesFile *files = NULL;
	uint32_t selected = selected_sequence(store, base);
	size_t count;
	int r = notes_file_list(store, base, &files, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		bool replaced = files[i].sequence == kept->sequence &&
			!digest_equal(&files[i].digest, &kept->digest);
		char path[PATH_SIZE];

		if (!replaced && (i < NOTES_FILES_MAX || files[i].sequence == selected))
			continue;
		path_of(base, &files[i], path);
		(void)file_remove(store->dir, path);
	}
	return r;
}

int notes_file_keep(Store *store, const char *base, const NotesFile *file, const void *data,
	size_t size, Reason *reterr_reason)
{
	char path[PATH_SIZE];
	int r = store_make(store, reterr_reason);

	if (r < 0)
		return r;
	path_of(base, file, path);
	r = path_make_parent(store->dir, path, 0755);
	if (r == 0)
		r = file_write_atomic(store->dir, path, data, size, 0644);
	if (r < 0)
		return reason_errno(
			reterr_reason, r, "cannot write %s/" STORE_PATH "/%s", store->path, path);
	return remove_others(store, base, file);
}
