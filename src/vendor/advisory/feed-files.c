/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/feed-files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/text.h"
#include "vendor/advisory/links.h"
#include "wire/json/document.h"

void feed_files_done(FeedFiles *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->items[i].path);
	free(files->items);
	json_decref(files->known);
	*files = (FeedFiles){};
}

int feed_parse(const void *data, size_t size, json_t **ret_feed, Reason *reterr_reason)
{
	_cleanup_json_ json_t *feed = NULL;
	int r = document_parse_large(data, size, FEED_VALUES_MAX, &feed, reterr_reason);

	if (r < 0)
		return r;
	if (strcmp(document_text(feed, "format"), "suture-feed") != 0 ||
		document_number(feed, "schema") != 1)
		return reason_set(reterr_reason, -EBADMSG, "is no suture-feed of schema 1");
	*ret_feed = TAKE_PTR(feed);
	return 0;
}

bool feed_is_path(const char *path)
{
	static const char *const ends[] = {
		".html", ".txt", ".json", ".csv", ".xml", ".sha256", ".sha512"};
	const char *below = NULL;

	if (text_starts_with(path, LINKS_ADVISORIES))
		below = path + strlen(LINKS_ADVISORIES);
	else if (text_starts_with(path, LINKS_CSAF))
		below = path + strlen(LINKS_CSAF);
	if (!below || !path_is_normal(path) || below[0] == '.' || strstr(below, "/.") ||
		!text_consists_of(below, TEXT_LOWER TEXT_DIGITS "+-_./") ||
		strcmp(path, FEED_NAME) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (text_ends_with(below, ends[i]))
			return true;
	return false;
}

const FeedFile *feed_files_find(const FeedFiles *files, const char *path)
{
	const json_t *number = json_object_get(files->known, path);

	return number ? &files->items[json_integer_value(number)] : NULL;
}

int feed_files_copy(FeedFiles *files, const FeedFile *file)
{
	FeedFile *known = (FeedFile *)feed_files_find(files, file->path);
	int r = 0;

	if (!known) {
		if (!files->known)
			files->known = json_object();
		r = memory_grow(&files->items, files->count, sizeof(*files->items));
		if (r < 0)
			return r;
		known = &files->items[files->count];
		known->path = memory_string(file->path);
		if (!known->path)
			return -ENOMEM;
		files->count++;
		if (json_object_set_new(files->known, file->path,
			    json_integer((json_int_t)files->count - 1)) < 0)
			return -ENOMEM;
	}
	known->sha256 = file->sha256;
	known->size = file->size;
	return 0;
}

int feed_files_add(FeedFiles *files, const char *path, const void *data, size_t size)
{
	FeedFile file = {.path = (char *)path, .size = size};
	int r = digest_of(data, size, &file.sha256);

	return r < 0 ? r : feed_files_copy(files, &file);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const FeedFile *)a)->path, ((const FeedFile *)b)->path);
}

void feed_files_sort(FeedFiles *files)
{
	if (files->count > 0)
		qsort(files->items, files->count, sizeof(*files->items), by_path);
	for (size_t i = 0; i < files->count; i++)
		json_integer_set(
			json_object_get(files->known, files->items[i].path), (json_int_t)i);
}

static int read_file(const json_t *entry, FeedFiles *files, Reason *reason)
{
	FeedFile file = {.path = (char *)document_text(entry, "path")};
	json_int_t size = document_number(entry, "size");

	if (!feed_is_path(file.path))
		return reason_set(reason, -EBADMSG,
			"lists \"%s\", which is no file that tells of fixes", file.path);
	if (feed_files_find(files, file.path))
		return reason_set(reason, -EBADMSG, "lists %s twice", file.path);
	if (size < 0 || size > (json_int_t)FEED_FILE_SIZE_MAX ||
		!json_is_integer(json_object_get(entry, "size")))
		return reason_set(reason, -EBADMSG, "gives %s no size that it may have", file.path);
	if (digest_from_text(document_text(entry, "sha256"), &file.sha256) < 0)
		return reason_set(reason, -EBADMSG, "gives %s no SHA-256", file.path);
	file.size = (size_t)size;
	return feed_files_copy(files, &file);
}

int feed_files_read(const json_t *feed, FeedFiles *ret_files, Reason *reterr_reason)
{
	_cleanup_feed_files_ FeedFiles files = {};
	const json_t *list = json_object_get(feed, "files");
	int r = 0;

	if (!json_is_array(list))
		return reason_set(reterr_reason, -EBADMSG, "does not list the files beside it");
	if (json_array_size(list) > FEED_FILES_MAX)
		return reason_set(
			reterr_reason, -EBADMSG, "lists more than %d files", FEED_FILES_MAX);
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = read_file(json_array_get(list, i), &files, reterr_reason);
	if (r < 0)
		return r;
	*ret_files = files;
	files = (FeedFiles){};
	return 0;
}

json_t *feed_files_json(const FeedFiles *files)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; list && i < files->count; i++) {
		const FeedFile *file = &files->items[i];
		char text[DIGEST_TEXT_SIZE];

		digest_to_text(&file->sha256, text);
		if (json_array_append_new(list,
			    json_pack("{s:s, s:s, s:I}", "path", file->path, "sha256", text, "size",
				    (json_int_t)file->size)) < 0)
			return NULL;
	}
	return TAKE_PTR(list);
}
