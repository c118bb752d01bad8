/* SPDX-License-Identifier: Apache-2.0 */
#include "device/stage/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"
#include "device/store/notes-file.h"

/* The I/O of one run of the TUF workflow. */
typedef struct Source {
	Stage *stage;
	bool offline;       /* only what is kept: after a 304 */
	uint8_t *timestamp; /* got already, or NULL */
	size_t timestamp_size;
	char etag[FETCH_ETAG_MAX + 1]; /* of the timestamp */
	char root_name[32];            /* "4.root.json": what was fetched last */
	bool is_nowhere;               /* there is no timestamp at the address */
} Source;

static char *kept_path(const char *name)
{
	return memory_printf("%s/%s", STAGE_METADATA, name);
}

static int load_kept(
	void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size)
{
	const Source *source = context;
	_cleanup_free_ char *path = kept_path(name);

	if (!path)
		return -ENOMEM;
	if (source->stage->store->dir < 0)
		return -ENOENT;
	return file_read(source->stage->store->dir, path, max, ret_data, ret_size);
}

/* Keeps a file below the store. */
int stage_keep(Stage *stage, const char *path, const void *data, size_t size, Reason *reason)
{
	int r = store_make(stage->store, reason);

	if (r < 0)
		return r;
	r = path_make_parent(stage->store->dir, path, 0755);
	if (r == 0)
		r = file_write_atomic(stage->store->dir, path, data, size, 0644);
	if (r == -ENOSPC)
		return reason_set(reason, r,
			"%s/" STORE_PATH " has no space left, not even for the %zu bytes of %s; "
			"free some space there and try again",
			stage->store->path, size, path);
	return r < 0 ? reason_errno(reason, r, "cannot write %s/" STORE_PATH "/%s",
			       stage->store->path, path)
		     : 0;
}

static int write_kept(Stage *stage, const char *name, const void *data, size_t size, Reason *reason)
{
	_cleanup_free_ char *path = kept_path(name);

	return path ? stage_keep(stage, path, data, size, reason) : -ENOMEM;
}

static int keep_root(const Source *source, const void *data, size_t size, Reason *reason)
{
	_cleanup_free_ char *path = path_join(STAGE_ROOTS, source->root_name);

	return path ? stage_keep(source->stage, path, data, size, reason) : -ENOMEM;
}

/* Roots are kept under their numbers, so that the chain from the base's root can be walked again
 * without asking for it, and without believing the kept files. They have a folder of their own,
 * where no delegated role can be named like one. */
static int save_kept(
	void *context, const char *name, const void *data, size_t size, Reason *reterr_reason)
{
	Source *source = context;

	if (strcmp(name, "root.json") != 0)
		return source->offline ? 0
				       : write_kept(source->stage, name, data, size, reterr_reason);
	return keep_root(source, data, size, reterr_reason);
}

static int fetch_named(Source *source, const char *name, size_t max, uint8_t **ret_data,
	size_t *ret_size, Reason *reason)
{
	_cleanup_free_ char *path = memory_printf("metadata/%s", name);
	char etag[FETCH_ETAG_MAX + 1] = "";
	int r;

	if (!path)
		return -ENOMEM;
	r = fetcher_get(&source->stage->fetcher, path, max, etag, ret_data, ret_size, reason);
	if (strcmp(name, "timestamp.json") == 0) {
		memcpy(source->etag, etag, sizeof(source->etag));
		source->is_nowhere = r == -ENOENT;
	}
	return r;
}

static int give_timestamp(Source *source, uint8_t **ret_data, size_t *ret_size)
{
	*ret_data = TAKE_PTR(source->timestamp);
	*ret_size = source->timestamp_size;
	return 0;
}

static int fetch(void *context, const char *name, size_t max, uint8_t **ret_data, size_t *ret_size,
	Reason *reterr_reason)
{
	Source *source = context;
	bool is_root = text_ends_with(name, ".root.json");

	if (source->timestamp && strcmp(name, "timestamp.json") == 0)
		return give_timestamp(source, ret_data, ret_size);
	if (is_root)
		snprintf(source->root_name, sizeof(source->root_name), "%s", name);
	if (source->offline)
		return !is_root && load_kept(source, name, max, ret_data, ret_size) == 0 ? 0
											 : -ENOENT;
	return fetch_named(source, name, max, ret_data, ret_size, reterr_reason);
}

static int tell_nowhere(const Stage *stage, Reason *reason)
{
	return reason_set(reason, -ENOENT,
		"there is no repository at %s: it has no metadata/timestamp.json; look at url in "
		"suture.conf",
		fetcher_url(&stage->fetcher));
}

static int run_workflow(Source *source, Reason *reason)
{
	const TrustRepository repository = {source, fetch, load_kept, save_kept};
	_cleanup_(trust_freep) Trust *trust = NULL;
	int r = stage_trust_roots(source->stage, &trust, reason);

	if (r == STAGE_ROOTS_DAMAGED && source->offline)
		return -EKEYREJECTED; /* the newest root is not known any more */
	if (r >= 0)
		r = trust_refresh(trust, &repository, reason);
	if (source->is_nowhere)
		return tell_nowhere(source->stage, reason);
	if (r < 0)
		return r;
	trust_free(source->stage->trust);
	source->stage->trust = TAKE_PTR(trust);
	return 0;
}

int stage_refresh_metadata(Stage *stage, Reason *reterr_reason)
{
	Source source = {.stage = stage};
	int r = run_workflow(&source, reterr_reason);

	free(source.timestamp);
	return r;
}

static bool full_refresh_is_recent(const Stage *stage)
{
	struct stat st;

	return stage->store->dir >= 0 &&
		fstatat(stage->store->dir, STAGE_ETAG_PATH, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		stage->now - st.st_mtime < STAGE_FULL_SECONDS && stage->now >= st.st_mtime;
}

static int read_etag(const Stage *stage, char ret_etag[static FETCH_ETAG_MAX + 1])
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = file_read(stage->store->dir, STAGE_ETAG_PATH, FETCH_ETAG_MAX, &data, &size);

	if (r < 0 || size == 0 || strlen((char *)data) != size)
		return r < 0 ? r : -ENOENT;
	memcpy(ret_etag, data, size + 1);
	return 0;
}

/* One conditional request. 1: nothing changed since the last full refresh, and what is kept still
 * verifies; 0: go on with what was got. */
static int is_unchanged(Source *source, Reason *reason)
{
	Source kept = {.stage = source->stage, .offline = true};
	int r;

	if (source->stage->fetcher.at > 0 || !full_refresh_is_recent(source->stage) ||
		read_etag(source->stage, source->etag) < 0)
		return 0;
	r = fetcher_get(&source->stage->fetcher, "metadata/timestamp.json",
		TRUST_TIMESTAMP_SIZE_MAX, source->etag, &source->timestamp, &source->timestamp_size,
		reason);
	source->is_nowhere = r == -ENOENT;
	if (r != FETCHER_UNCHANGED)
		return r == -ENOENT ? tell_nowhere(source->stage, reason) : r;
	return run_workflow(&kept, NULL) == 0;
}

/* A tag is its server's own word: it tells nothing to another. */
static int keep_etag(Source *source, Reason *reason)
{
	if (!source->etag[0] || source->stage->fetcher.at > 0)
		return file_remove(source->stage->store->dir, STAGE_ETAG_PATH);
	return write_kept(
		source->stage, "timestamp.etag", source->etag, strlen(source->etag), reason);
}

static int fetch_announced(Stage *stage, const char *path, const TrustFile *file,
	uint8_t **ret_data, size_t *ret_size, Reason *reason)
{
	_cleanup_free_ char *name = trust_target_name(stage->trust, path, file);
	_cleanup_free_ char *url = name ? memory_printf("targets/%s", name) : NULL;
	_cleanup_free_ uint8_t *data = NULL;
	char etag[FETCH_ETAG_MAX + 1] = "";
	size_t size;
	int r;

	if (!url)
		return -ENOMEM;
	r = fetcher_get(&stage->fetcher, url, file->length, etag, &data, &size, reason);
	if (r == 0 && trust_file_check(file, data, size, url, NULL) < 0)
		r = reason_set(reason, -EKEYREJECTED, "%s%s is not the file that was signed",
			fetcher_url(&stage->fetcher), url);
	if (r == -ENOENT) /* announced, and not there: not the same as "not for this base" */
		r = -EIO;
	if (r != 0)
		return r;
	*ret_data = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

static int find_index(Source *source, const char *path, TrustFile *ret_file, Reason *reason)
{
	const TrustRepository repository = {source, fetch, load_kept, save_kept};
	const Stage *stage = source->stage;
	int r = trust_find(stage->trust, &repository, path, ret_file, reason);

	if (r == -ENOENT)
		return reason_set(reason, -ENOENT,
			"the repository has nothing for this base: %s %s, "
			"channel %s",
			stage->identity.product, stage->base_key, stage->channel);
	if (r == 0 && ret_file->length > INDEX_SIZE_MAX)
		return reason_set(reason, -EBADMSG, "the index has %" PRIu64 " bytes, too many",
			ret_file->length);
	return r;
}

/* The file may say the truth about another base: the names inside must be the ones asked for. */
static int check_identity(const Stage *stage, Reason *reason)
{
	if (strcmp(stage->index.product, stage->identity.product) == 0 &&
		strcmp(stage->index.base, stage->base_key) == 0 &&
		strcmp(stage->index.channel, stage->channel) == 0)
		return 0;
	return reason_set(reason, -EKEYREJECTED,
		"the index is for %s %s, channel %s, not for this base, %s %s, channel %s",
		stage->index.product, stage->index.base, stage->index.channel,
		stage->identity.product, stage->base_key, stage->channel);
}

static int read_index(Stage *stage, const uint8_t *data, size_t size, Reason *reason)
{
	int r = index_read(data, size, &stage->index, reason);

	if (r != 0)
		return r == INDEX_FROM_FUTURE ? -EOPNOTSUPP : r;
	return check_identity(stage, reason);
}

/* The kept index, if it is still the announced one. */
static bool has_kept(Stage *stage, const TrustFile *file, uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	if (stage->store->dir < 0 ||
		file_read(stage->store->dir, STAGE_INDEX_PATH, INDEX_SIZE_MAX, &data, &size) < 0 ||
		trust_file_check(file, data, size, STAGE_INDEX_PATH, NULL) < 0)
		return false;
	*ret_data = TAKE_PTR(data);
	*ret_size = size;
	return true;
}

/* A new index is kept when all is well with it: one that is of no use does not displace a good one.
 */
static int load_index(Source *source, bool *ret_changed, Reason *reason)
{
	Stage *stage = source->stage;
	_cleanup_free_ char *path =
		index_target_path(stage->identity.product, stage->base_key, stage->channel);
	_cleanup_free_ uint8_t *data = NULL;
	bool changed;
	TrustFile file;
	size_t size = 0;
	int r = path ? find_index(source, path, &file, reason) : -ENOMEM;

	if (r < 0)
		return r;
	changed = !has_kept(stage, &file, &data, &size);
	if (changed)
		r = fetch_announced(stage, path, &file, &data, &size, reason);
	if (r == 0)
		r = read_index(stage, data, size, reason);
	if (r == 0 && changed)
		r = stage_keep(stage, STAGE_INDEX_PATH, data, size, reason);
	if (r == 0)
		*ret_changed = changed;
	return r;
}

/* Whoever runs a stager holds the store's lock, but not the activator's, which may be writing its
 * own files: those are not looked at. What cannot be removed does no harm. */
static void remove_unfinished(const Stage *stage)
{
	_cleanup_free_ char *notes = path_join(NOTES_FILE_FOLDER, stage->base_key);
	static const struct {
		const char *folder, *name;
	} places[] = {
		{".", STAGE_INDEX_PATH},
		{".", STAGE_PINNED_PATH},
		{".", "checked"}, /* these are the manager's */
		{".", "removed"},
		{".", "rehearsed"},
		{".", "lost"},
		{"generations", NULL},
		{"images", NULL},
		{STAGE_METADATA, NULL},
		{STAGE_ROOTS, NULL},
	};

	for (size_t i = 0; stage->store->dir >= 0 && i < ARRAY_SIZE(places); i++)
		(void)file_remove_unfinished(stage->store->dir, places[i].folder, places[i].name);
	if (notes && stage->store->dir >= 0)
		(void)file_remove_unfinished(stage->store->dir, notes, NULL);
}

static int refresh_from(Source *source, bool *ret_changed, Reason *reason)
{
	int kept = 0, r = is_unchanged(source, reason);
	bool is_idle = r > 0;

	if (r == 0)
		r = run_workflow(source, reason);
	memory_free(TAKE_PTR(source->timestamp));
	if (r < 0)
		return r;
	index_clear(&source->stage->index);
	r = load_index(source, ret_changed, reason);
	if (r == 0 && !is_idle)
		stage_obtain_notes(source->stage);
	/* last: who is ended meanwhile is to ask for all of it again */
	if (!is_idle)
		kept = keep_etag(source, r == 0 ? reason : NULL);
	return r < 0 ? r : kept;
}

int stage_refresh(Stage *stage, bool *ret_changed, Reason *reterr_reason)
{
	Fetcher *fetcher = &stage->fetcher;
	Reason first = {};
	int error = 0;

	remove_unfinished(stage);
	for (fetcher->at = 0; fetcher->at < fetcher->url_count; fetcher->at++) {
		Source source = {.stage = stage};
		Reason reason = {};
		int r = refresh_from(&source, ret_changed, &reason);

		if (r < 0 && !source.is_nowhere && !fetcher_other_may_help(r))
			return reason_set(reterr_reason, r, "%s", reason.text);
		if (r >= 0)
			return 0;
		if (fetcher->at == 0) {
			first = reason;
			error = r;
		}
	}
	fetcher->at = 0;
	return fetcher_tell_first(fetcher, &first, error, reterr_reason);
}
