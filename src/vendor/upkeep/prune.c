/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "vendor/keys/envelope.h"
#include "wire/json/document.h"

#define SECONDS_PER_DAY 86400
#define DEPTH_MAX       8 /* targets/PRODUCT/BASE/CHANNEL/FILE has four */
#define HEX_DIGITS      TEXT_DIGITS "abcdef"

typedef struct Prune {
	const Repository *repository;
	json_t *needed;    /* names below the repository */
	int64_t *versions; /* of the snapshots that are there, ascending */
	size_t version_count;
	int64_t since; /* what was replaced before this is not needed */
	PruneList *list;
	Reason *reason;
} Prune;

void prune_list_done(PruneList *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
	*list = (PruneList){};
}

/* -- what is needed -- */

/* Takes the name (NULL: memory is short). 1 when it was needed already. */
static int need(Prune *prune, char *taken)
{
	_cleanup_free_ char *name = taken;

	if (!name)
		return -ENOMEM;
	if (json_object_get(prune->needed, name))
		return 1;
	return json_object_set_new(prune->needed, name, json_true()) < 0 ? -ENOMEM : 0;
}

static int need_blob(void *context, const Digest *digest, uint64_t size)
{
	Prune *prune = context;
	char path[INDEX_BLOB_PATH_SIZE];
	int r;

	index_blob_path(digest, path);
	r = need(prune, path_join("blobs", path));
	return r < 0 ? r : 0;
}

static bool is_there(const Prune *prune, const char *name)
{
	_cleanup_free_ char *path = path_join(prune->repository->path, name);

	return path && file_exists(AT_FDCWD, path);
}

static int need_index(Prune *prune, const char *path, const TrustFile *file)
{
	_cleanup_free_ char *target = trust_target_name(prune->repository->trust, path, file);
	_cleanup_free_ char *name = target ? path_join("targets", target) : NULL;
	_cleanup_index_ Index index = {};
	int r = name ? need(prune, memory_string(name)) : -ENOMEM;

	if (r != 0)
		return r < 0 ? r : 0;
	if (!is_there(prune, name))
		return 0;
	r = repository_read_listed(prune->repository, path, file, &index, prune->reason);
	for (size_t i = 0; r == 0 && i < index.improvements.count; i++)
		r = index_visit_blobs(&index.improvements.items[i], need_blob, prune);
	return r;
}

/* Reads a metadata file that is needed now. 1: it is not there, or was read before. */
static int need_role(Prune *prune, const char *role, int64_t version, json_t **ret_body)
{
	_cleanup_free_ char *file = trust_metadata_name(role, version);
	_cleanup_free_ char *name = file ? path_join("metadata", file) : NULL;
	_cleanup_free_ char *path = name ? path_join(prune->repository->path, name) : NULL;
	_cleanup_json_ json_t *envelope = NULL;
	int r = path ? need(prune, TAKE_PTR(name)) : -ENOMEM;

	if (r != 0)
		return r;
	if (!file_exists(AT_FDCWD, path))
		return 1;
	r = envelope_read(path, &envelope, prune->reason);
	if (r == 0)
		*ret_body = json_incref(json_object_get(envelope, "signed"));
	return r;
}

static int need_listed(Prune *prune, const char *role, int64_t version)
{
	_cleanup_json_ json_t *body = NULL;
	const char *path;
	json_t *entry;
	int r = need_role(prune, role, version, &body);

	if (r != 0)
		return r < 0 ? r : 0;
	json_object_foreach(json_object_get(body, "targets"), path, entry)
	{
		TrustFile file;

		if (r == 0)
			r = trust_file_read(entry, path, &file, prune->reason);
		if (r == 0)
			r = need_index(prune, path, &file);
	}
	return r;
}

static int need_snapshot(Prune *prune, int64_t version)
{
	_cleanup_json_ json_t *body = NULL;
	const char *file;
	json_t *entry;
	int r = need_role(prune, "snapshot", version, &body);

	if (r != 0)
		return r < 0 ? r : 0;
	json_object_foreach(json_object_get(body, "meta"), file, entry)
	{
		_cleanup_free_ char *role = memory_string_n(file, strlen(file) - strlen(".json"));
		json_int_t listed = json_integer_value(json_object_get(entry, "version"));

		if (r == 0)
			r = role ? need_listed(prune, role, listed) : -ENOMEM;
	}
	return r;
}

/* -- which snapshots -- */

/* "12.snapshot.json" → 12. */
static int64_t version_of(const char *name)
{
	const char *dot = strchr(name, '.');
	_cleanup_free_ char *digits = dot ? memory_string_n(name, (size_t)(dot - name)) : NULL;
	uint64_t version;

	if (!digits || text_to_u64(digits, TRUST_VERSION_MAX, &version) < 0)
		return 0;
	return (int64_t)version;
}

static bool is_of_role(const char *name, const char *role)
{
	_cleanup_free_ char *whole = trust_metadata_name(role, version_of(name));

	return whole && version_of(name) > 0 && strcmp(name, whole) == 0;
}

static int compare_versions(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static int list_snapshots(Prune *prune)
{
	_cleanup_free_ char *path = path_join(prune->repository->path, "metadata");
	struct dirent *entry;
	DIR *folder = path ? opendir(path) : NULL;
	int r = 0;

	if (!folder)
		return path ? reason_errno(prune->reason, -errno, "cannot list %s", path) : -ENOMEM;
	while (r == 0 && (entry = readdir(folder))) {
		if (!is_of_role(entry->d_name, "snapshot"))
			continue;
		r = memory_grow(&prune->versions, prune->version_count, sizeof(*prune->versions));
		if (r == 0)
			prune->versions[prune->version_count++] = version_of(entry->d_name);
	}
	closedir(folder);
	if (prune->version_count > 0)
		qsort(prune->versions, prune->version_count, sizeof(*prune->versions),
			compare_versions);
	return r;
}

static int read_signing_time(const Prune *prune, int64_t version, int64_t *ret_time)
{
	_cleanup_free_ char *file = trust_metadata_name("snapshot", version);
	_cleanup_free_ char *path =
		file ? memory_printf("%s/metadata/%s", prune->repository->path, file) : NULL;
	_cleanup_json_ json_t *envelope = NULL;
	int r = path ? envelope_read(path, &envelope, prune->reason) : -ENOMEM;

	if (r < 0)
		return r;
	*ret_time = metadata_expiry(json_object_get(envelope, "signed")) -
		METADATA_SNAPSHOT_DAYS * (int64_t)SECONDS_PER_DAY;
	return 0;
}

/* Whether it was the newest one at any time that counts. What is newer than the current one was
 * written by a run that did not get to the timestamp. */
static int is_recent(const Prune *prune, size_t at, int64_t current, bool *ret_recent)
{
	int64_t replaced = INT64_MAX;
	int r = prune->versions[at] < current
		? read_signing_time(prune, prune->versions[at + 1], &replaced)
		: 0;

	*ret_recent = replaced > prune->since;
	return r;
}

/* With the first all that follow, also where a clock went back meanwhile. */
static int need_snapshots(Prune *prune)
{
	int64_t current = metadata_version(repository_published(prune->repository, "snapshot"));
	bool recent = false;
	int r = list_snapshots(prune);

	for (size_t i = 0; r == 0 && i < prune->version_count; i++) {
		if (!recent)
			r = is_recent(prune, i, current, &recent);
		if (r == 0 && recent)
			r = need_snapshot(prune, prune->versions[i]);
	}
	return r;
}

/* -- what is there -- */

static bool is_metadata(const char *name)
{
	return version_of(name) > 0 && text_ends_with(name, ".json") && !is_of_role(name, "root");
}

static bool is_digest(const char *text, size_t length)
{
	return strlen(text) >= length && length == DIGEST_TEXT_SIZE - 1 &&
		strspn(text, HEX_DIGITS) == length;
}

/* Whether only a publisher gives this name, to something that may be out of date. */
static bool may_be_unneeded(const char *name)
{
	const char *last = path_name(name);

	if (text_starts_with(name, "metadata/"))
		return strchr(name, '/') == last - 1 && is_metadata(last);
	if (text_starts_with(name, "targets/"))
		return is_digest(last, DIGEST_TEXT_SIZE - 1) && last[DIGEST_TEXT_SIZE - 1] == '.';
	return is_digest(last, DIGEST_TEXT_SIZE - 1) && last[DIGEST_TEXT_SIZE - 1] == '\0';
}

static int add(Prune *prune, const char *name, const struct stat *st)
{
	PruneList *list = prune->list;
	int r = memory_grow(&list->items, list->count, sizeof(*list->items));

	if (r < 0)
		return r;
	list->items[list->count].name = memory_string(name);
	list->items[list->count].size = (uint64_t)st->st_size;
	list->bytes += (uint64_t)st->st_size;
	return list->items[list->count++].name ? 0 : -ENOMEM;
}

static int visit_folder(Prune *prune, const char *name, unsigned depth);

static int visit(Prune *prune, const char *folder, const char *entry, unsigned depth)
{
	_cleanup_free_ char *name = path_join(folder, entry);
	_cleanup_free_ char *path = name ? path_join(prune->repository->path, name) : NULL;
	struct stat st;

	if (!path)
		return -ENOMEM;
	if (lstat(path, &st) < 0)
		return reason_errno(prune->reason, -errno, "cannot look at %s", path);
	if (S_ISDIR(st.st_mode))
		return visit_folder(prune, name, depth + 1);
	if (!S_ISREG(st.st_mode) || json_object_get(prune->needed, name) || !may_be_unneeded(name))
		return 0;
	return add(prune, name, &st);
}

static int visit_folder(Prune *prune, const char *name, unsigned depth)
{
	_cleanup_free_ char *path = path_join(prune->repository->path, name);
	DIR *folder = path && depth < DEPTH_MAX ? opendir(path) : NULL;
	struct dirent *entry;
	int r = 0;

	if (!path || depth == DEPTH_MAX)
		return path ? 0 : -ENOMEM;
	if (!folder)
		return errno == ENOENT
			? 0
			: reason_errno(prune->reason, -errno, "cannot list %s", path);
	while (r == 0 && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			r = visit(prune, name, entry->d_name, depth);
	closedir(folder);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const Prunable *)a)->name, ((const Prunable *)b)->name);
}

static int fill_list(Prune *prune)
{
	static const char *const folders[] = {"metadata", "targets", "blobs"};
	int r = need_snapshots(prune);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(folders); i++)
		r = visit_folder(prune, folders[i], 0);
	if (prune->list->count > 0)
		qsort(prune->list->items, prune->list->count, sizeof(*prune->list->items),
			compare_names);
	return r;
}

int prune_list(
	const Repository *repository, int keep_days, PruneList *ret_list, Reason *reterr_reason)
{
	_cleanup_prune_list_ PruneList list = {};
	_cleanup_json_ json_t *needed = json_object();
	Prune prune = {.repository = repository,
		.needed = needed,
		.since = repository->now - keep_days * (int64_t)SECONDS_PER_DAY,
		.list = &list,
		.reason = reterr_reason};
	int r;

	if (keep_days < PRUNE_KEEP_MIN)
		return reason_set(reterr_reason, -EINVAL,
			"what was current within %d days has to stay: a timestamp that leads to it "
			"is good for as long",
			PRUNE_KEEP_MIN);
	r = needed ? fill_list(&prune) : -ENOMEM;
	free(prune.versions);
	if (r < 0)
		return r;
	*ret_list = list;
	list = (PruneList){};
	return 0;
}

/* -- removing it -- */

/* The folders above a file, as far as they are empty; but not the repository's own three. */
static void remove_empty(const Repository *repository, const char *name)
{
	_cleanup_free_ char *folder = path_parent(name);
	_cleanup_free_ char *path = folder ? path_join(repository->path, folder) : NULL;

	if (path && strchr(folder, '/') && rmdir(path) == 0)
		remove_empty(repository, folder);
}

int prune_remove(const Repository *repository, const PruneList *list, Reason *reterr_reason)
{
	_cleanup_free_ char *metadata = path_join(repository->path, "metadata");
	int r = metadata ? file_remove_unfinished(AT_FDCWD, metadata, NULL) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		_cleanup_free_ char *path = path_join(repository->path, list->items[i].name);

		r = path ? file_remove(AT_FDCWD, path) : -ENOMEM;
		if (r < 0)
			return reason_errno(reterr_reason, r, "cannot remove %s", path);
		remove_empty(repository, list->items[i].name);
	}
	return r;
}
