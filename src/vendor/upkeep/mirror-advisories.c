/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/mirror-advisories.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "wire/json/document.h"

void mirror_advisories_done(MirrorAdvisories *advisories)
{
	feed_files_done(&advisories->files);
	json_decref(advisories->faults);
	advisories->faults = NULL;
}

static int fault(MirrorAdvisories *advisories, const Reason *why)
{
	if (json_array_size(advisories->faults) == MIRROR_FAULTS_MAX)
		return 0;
	return json_array_append_new(advisories->faults, json_string(why->text)) < 0 ? -ENOMEM : 0;
}

/* suture-fetch knows the files of devices only, and nothing here needs the network. */
static int get_here(const char *place, const char *name, size_t max, uint8_t **ret_data,
	size_t *ret_size, Reason *why)
{
	_cleanup_fd_ int folder = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = folder < 0 ? (errno == ENOTDIR ? -ENOENT : -errno)
			   : file_read(folder, name, max, ret_data, ret_size);

	return r < 0 ? reason_errno(why, r, "cannot read %s/%s", place, name) : 0;
}

static int get(MirrorAdvisories *advisories, const char *name, size_t max, uint8_t **ret_data,
	size_t *ret_size, Reason *why)
{
	char etag[FETCH_ETAG_MAX + 1] = "";

	if (advisories->place)
		return get_here(advisories->place, name, max, ret_data, ret_size, why);
	return fetcher_get(advisories->fetcher, name, max, etag, ret_data, ret_size, why);
}

/* Whether the source itself is gone, so that to ask for the next file is only to wait again. */
static bool is_lost(int error)
{
	return error == -EHOSTUNREACH || error == -ETIMEDOUT || error == -ECONNABORTED ||
		error == -EPIPE || error == -ECONNRESET;
}

/* -- one file -- */

static bool is_as_listed(const FeedFile *file, const uint8_t *data, size_t size)
{
	Digest digest;

	return size == file->size && digest_of(data, size, &digest) == 0 &&
		digest_equal(&digest, &file->sha256);
}

static bool is_here(const MirrorAdvisories *advisories, const FeedFile *file)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	return mirror_folder_read(advisories->folder, file->path, file->size, &data, &size) == 0 &&
		is_as_listed(file, data, size);
}

/* Whether there is a file of that name that no mirror made. */
static bool is_foreign(const MirrorAdvisories *advisories, const char *name)
{
	_cleanup_free_ char *path = mirror_folder_path(advisories->folder, name);

	return !mirror_folder_made(advisories->folder, name) && path && file_exists(AT_FDCWD, path);
}

static int fetch_file(
	MirrorAdvisories *advisories, const FeedFile *file, uint8_t **ret_data, Reason *why)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	if (is_foreign(advisories, file->path))
		return reason_set(why, -EEXIST,
			"%s is here, and no mirror made it: it is left as it is", file->path);
	r = get(advisories, file->path, file->size, &data, &size, why);
	if (r < 0)
		return r;
	if (!is_as_listed(file, data, size))
		return reason_set(why, -EBADMSG, "%s%s is not the file that " FEED_NAME " lists",
			fetcher_url(advisories->fetcher), file->path);
	*ret_data = TAKE_PTR(data);
	return 0;
}

/* *ret_lost: it makes no sense to go on. */
static int copy_file(
	MirrorAdvisories *advisories, const FeedFile *file, bool *ret_lost, Reason *reason)
{
	_cleanup_free_ uint8_t *data = NULL;
	Reason why = {};
	int r = 0;

	if (is_here(advisories, file)) {
		advisories->good++;
		return 0;
	}
	r = fetch_file(advisories, file, &data, &why);
	*ret_lost = is_lost(r);
	if (r < 0)
		return r == -ENOMEM ? r : fault(advisories, &why);
	advisories->good++;
	return mirror_folder_put(advisories->folder, file->path, data, file->size, reason);
}

/* -- the feed -- */

static int refuse_large(const FeedFiles *files, Reason *why)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < files->count; i++)
		bytes += files->items[i].size;
	return bytes <= MIRROR_ADVISORIES_SIZE_MAX
		? 0
		: reason_set(why, -EFBIG, "lists %" PRIu64 " bytes, which no vendor has", bytes);
}

/* -ENOENT: the source tells of no fixes, which is no fault. */
static int read_feed(
	MirrorAdvisories *advisories, uint8_t **ret_data, size_t *ret_size, Reason *why)
{
	_cleanup_json_ json_t *feed = NULL;
	Reason what = {};
	int r = get(advisories, FEED_NAME, FEED_SIZE_MAX, ret_data, ret_size, why);

	if (r < 0)
		return r;
	r = feed_parse(*ret_data, *ret_size, &feed, &what);
	if (r == 0)
		r = feed_files_read(feed, &advisories->files, &what);
	if (r == 0)
		r = refuse_large(&advisories->files, &what);
	return r < 0 && r != -ENOMEM
		? reason_set(why, r, "%s" FEED_NAME " %s; no advisory is copied",
			  fetcher_url(advisories->fetcher), what.text)
		: r;
}

/* What lists others comes behind them. */
static bool is_list(const char *path)
{
	const char *name = path_name(path);

	return text_starts_with(name, "index.") || strcmp(name, "changes.csv") == 0 ||
		strcmp(name, "provider-metadata.json") == 0;
}

static int copy_files(MirrorAdvisories *advisories, bool lists, bool *lost, Reason *reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && !*lost && i < advisories->files.count; i++)
		if (is_list(advisories->files.items[i].path) == lists)
			r = copy_file(advisories, &advisories->files.items[i], lost, reason);
	return r;
}

static int put_feed(MirrorAdvisories *advisories, const uint8_t *data, size_t size, Reason *reason)
{
	Reason why = {};

	if (!is_foreign(advisories, FEED_NAME))
		return mirror_folder_put(advisories->folder, FEED_NAME, data, size, reason);
	reason_set(
		&why, -EEXIST, "%s is here, and no mirror made it: it is left as it is", FEED_NAME);
	return fault(advisories, &why);
}

int mirror_advisories_copy(MirrorAdvisories *advisories, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *feed = NULL;
	bool lost = false;
	Reason why = {};
	size_t size;
	int r;

	advisories->faults = json_array();
	if (!advisories->faults)
		return -ENOMEM;
	r = read_feed(advisories, &feed, &size, &why);
	if (r < 0)
		return r == -ENOMEM ? r : r == -ENOENT ? 0 : fault(advisories, &why);
	advisories->has_feed = true;
	r = copy_files(advisories, false, &lost, reterr_reason);
	if (r == 0)
		r = copy_files(advisories, true, &lost, reterr_reason);
	return r < 0 || lost ? r : put_feed(advisories, feed, size, reterr_reason);
}

/* -- removing -- */

int mirror_advisories_prune(
	const MirrorAdvisories *advisories, size_t *ret_removed, Reason *reterr_reason)
{
	const char *name;
	json_t *unused;
	size_t removed = 0;
	int r = 0;

	json_object_foreach(advisories->folder->made, name, unused)
	{
		_cleanup_free_ char *path = NULL;

		if (r < 0 || !advisories->has_feed || !feed_is_path(name) ||
			feed_files_find(&advisories->files, name))
			continue;
		path = mirror_folder_path(advisories->folder, name);
		if (!path)
			return -ENOMEM;
		removed += file_exists(AT_FDCWD, path);
		r = file_remove(AT_FDCWD, path);
		if (r < 0)
			reason_errno(reterr_reason, r, "cannot remove %s", path);
	}
	*ret_removed = removed;
	return r;
}
