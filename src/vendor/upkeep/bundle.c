/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/repository/metadata.h"
#include "wire/json/document.h"

#define SECONDS_PER_DAY 86400
#define MODE            0644

typedef struct Member {
	char *name; /* relative to the repository */
	uint64_t size;
	Digest digest; /* zero: metadata, which the repository was opened with */
} Member;

typedef struct Bundle {
	Repository *repository;
	SCHEMA_LIST(Member) members;
	struct archive *archive;
	int64_t time;
	BundleCounts counts;
	Reason *reason;
} Bundle;

static void bundle_done(Bundle *bundle)
{
	for (size_t i = 0; i < bundle->members.count; i++)
		free(bundle->members.items[i].name);
	free(bundle->members.items);
	archive_write_free(bundle->archive);
}

/* -- what goes into it -- */

/* Takes the name; NULL: memory is short. */
static int add_member(Bundle *bundle, char *name, uint64_t size, const Digest *digest)
{
	int r = name ? memory_grow(&bundle->members.items, bundle->members.count,
			       sizeof(*bundle->members.items))
		     : -ENOMEM;

	if (r < 0) {
		free(name);
		return r;
	}
	bundle->members.items[bundle->members.count++] = (Member){name, size, *digest};
	return 0;
}

static int add_metadata(Bundle *bundle, const char *role, int64_t version)
{
	_cleanup_free_ char *name = trust_metadata_name(role, version);
	static const Digest none;

	return add_member(bundle, name ? path_join("metadata", name) : NULL, 0, &none);
}

static int add_all_metadata(Bundle *bundle, const Base *base)
{
	const Repository *repository = bundle->repository;
	_cleanup_free_ char *role = workspace_role(base);
	int r = role ? add_metadata(bundle, "timestamp", 0) : -ENOMEM;

	for (int64_t i = 1; r == 0 && i <= trust_root_version(repository->trust); i++)
		r = add_metadata(bundle, "root", i);
	if (r == 0)
		r = add_metadata(bundle, "snapshot",
			metadata_version(repository_published(repository, "snapshot")));
	if (r == 0)
		r = add_metadata(bundle, "targets",
			metadata_version(repository_published(repository, "targets")));
	return r < 0 ? r
		     : add_metadata(bundle, role,
			       metadata_version(repository_published(repository, role)));
}

static int add_blob(void *context, const Digest *digest, uint64_t size)
{
	Bundle *bundle = context;
	char path[INDEX_BLOB_PATH_SIZE];

	index_blob_path(digest, path);
	return add_member(bundle, memory_printf("blobs/%s", path), size, digest);
}

static int add_blobs(Bundle *bundle, const Index *index, uint64_t sequence)
{
	bool found = sequence == 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < index->improvements.count; i++) {
		const Improvement *each = &index->improvements.items[i];

		if (sequence && each->sequence != sequence)
			continue;
		found = true;
		r = index_visit_blobs(each, add_blob, bundle);
	}
	if (r == 0 && !found)
		r = reason_set(bundle->reason, -ENOENT,
			"the index lists no improvement with the sequence %" PRIu64, sequence);
	return r;
}

static int add_index(Bundle *bundle, const Base *base, const char *channel)
{
	_cleanup_free_ char *name = NULL;
	TrustFile file;
	int r = repository_index_file(
		bundle->repository, base, channel, &name, &file, bundle->reason);

	return r < 0 ? r : add_member(bundle, TAKE_PTR(name), file.length, &file.sha256);
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const Member *)a)->name, ((const Member *)b)->name);
}

/* Improvements share blobs: each goes in once. */
static void sort_members(Bundle *bundle)
{
	Member *items = bundle->members.items;
	size_t kept = 0;

	qsort(items, bundle->members.count, sizeof(*items), compare_members);
	for (size_t i = 0; i < bundle->members.count; i++) {
		if (kept > 0 && strcmp(items[kept - 1].name, items[i].name) == 0)
			free(items[i].name);
		else
			items[kept++] = items[i];
	}
	bundle->members.count = kept;
}

/* -- writing -- */

static int fail(const Bundle *bundle, const char *what)
{
	int error = archive_errno(bundle->archive);

	return reason_errno(bundle->reason, error > 0 ? -error : -EIO, "cannot write %s", what);
}

static int write_header(const Bundle *bundle, const char *name, uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	if (!entry)
		return -ENOMEM;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, MODE);
	archive_entry_set_size(entry, (int64_t)size);
	archive_entry_set_mtime(entry, bundle->time, 0);
	r = archive_write_header(bundle->archive, entry);
	archive_entry_free(entry);
	return r == ARCHIVE_OK ? 0 : fail(bundle, name);
}

static int write_data(const Bundle *bundle, const char *name, const void *data, size_t size)
{
	int r = write_header(bundle, name, size);

	if (r < 0)
		return r;
	return archive_write_data(bundle->archive, data, size) == (la_ssize_t)size
		? 0
		: fail(bundle, name);
}

static int write_metadata(
	const Bundle *bundle, const char *name, const char *path, size_t *ret_size)
{
	_cleanup_free_ uint8_t *data = NULL;
	int r = file_read(AT_FDCWD, path, TRUST_TARGETS_SIZE_MAX, &data, ret_size);

	return r < 0 ? reason_errno(bundle->reason, r, "cannot read %s", path)
		     : write_data(bundle, name, data, *ret_size);
}

/* What is damaged is found here, and not when the stick has been carried to the other end of the
 * world. */
static int write_signed(const Bundle *bundle, const Member *member, const char *path)
{
	_cleanup_(mapping_done) Mapping mapping = {};
	int r = repository_map_signed(
		path, member->size, &member->digest, &mapping, bundle->reason);

	return r < 0 ? r : write_data(bundle, member->name, mapping.data, mapping.size);
}

static int write_member(Bundle *bundle, const Member *member)
{
	_cleanup_free_ char *path = path_join(bundle->repository->path, member->name);
	size_t size = member->size;
	int r = path ? 0 : -ENOMEM;

	if (r == 0)
		r = digest_is_zero(&member->digest)
			? write_metadata(bundle, member->name, path, &size)
			: write_signed(bundle, member, path);
	bundle->counts.files++;
	bundle->counts.bytes += size;
	return r;
}

static int start_archive(Bundle *bundle, int fd, const char *path)
{
	bundle->archive = archive_write_new();
	if (!bundle->archive)
		return -ENOMEM;
	if (archive_write_set_format_ustar(bundle->archive) != ARCHIVE_OK ||
		archive_write_open_fd(bundle->archive, fd) != ARCHIVE_OK)
		return fail(bundle, path);
	return 0;
}

static int write_all(Bundle *bundle, const char *path)
{
	_cleanup_(file_draft_done) FileDraft draft = FILE_DRAFT_NONE;
	int r = file_draft_open(AT_FDCWD, path, MODE, &draft);

	if (r < 0)
		return reason_errno(bundle->reason, r, "cannot write %s", path);
	r = start_archive(bundle, draft.fd, path);
	for (size_t i = 0; r == 0 && i < bundle->members.count; i++)
		r = write_member(bundle, &bundle->members.items[i]);
	if (r == 0 && archive_write_close(bundle->archive) != ARCHIVE_OK)
		r = fail(bundle, path);
	if (r < 0)
		return r;
	r = file_draft_finish(&draft);
	return r < 0 ? reason_errno(bundle->reason, r, "cannot write %s", path) : 0;
}

/* When the timestamp was signed, unless the environment says another time. */
static int64_t time_of(const Repository *repository)
{
	int64_t signed_at = metadata_expiry(repository_published(repository, "timestamp")) -
		METADATA_TIMESTAMP_DAYS * (int64_t)SECONDS_PER_DAY;

	return getenv("SOURCE_DATE_EPOCH") ? repository->now : signed_at;
}

int bundle_write(Repository *repository, const Base *base, const char *channel, uint64_t sequence,
	const char *path, BundleCounts *ret_counts, Reason *reterr_reason)
{
	_cleanup_(bundle_done) Bundle bundle = {
		.repository = repository, .time = time_of(repository), .reason = reterr_reason};
	_cleanup_index_ Index index = {};
	int r = repository_read_index(repository, base, channel, &index, reterr_reason);

	if (r == 0)
		r = add_index(&bundle, base, channel);
	if (r == 0)
		r = add_blobs(&bundle, &index, sequence);
	if (r == 0)
		r = add_all_metadata(&bundle, base);
	if (r < 0)
		return r;
	sort_members(&bundle);
	r = write_all(&bundle, path);
	if (r == 0)
		*ret_counts = bundle.counts;
	return r;
}
