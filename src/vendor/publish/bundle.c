/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/publish/metadata.h"
#include "wire/json/document.h"

#define SECONDS_PER_DAY 86400
#define PIECE_SIZE      65536
#define MODE            0644

typedef struct Bundle {
	Repository *repository;
	SCHEMA_LIST(char *) names; /* relative to the repository */
	struct archive *archive;
	int64_t time;
	BundleCounts counts;
	Reason *reason;
} Bundle;

static void bundle_done(Bundle *bundle)
{
	for (size_t i = 0; i < bundle->names.count; i++)
		free(bundle->names.items[i]);
	free(bundle->names.items);
	archive_write_free(bundle->archive);
}

/* -- what goes into it -- */

/* Takes the name; NULL: memory is short. */
static int add_name(Bundle *bundle, char *name)
{
	int r = name ? memory_grow(&bundle->names.items, bundle->names.count,
			       sizeof(*bundle->names.items))
		     : -ENOMEM;

	if (r < 0) {
		free(name);
		return r;
	}
	bundle->names.items[bundle->names.count++] = name;
	return 0;
}

static int add_metadata(Bundle *bundle, const char *role, int64_t version)
{
	_cleanup_free_ char *name = trust_metadata_name(role, version);

	return add_name(bundle, name ? path_join("metadata", name) : NULL);
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

static int add_blob(Bundle *bundle, const Digest *digest)
{
	char path[INDEX_BLOB_PATH_SIZE];

	index_blob_path(digest, path);
	return add_name(bundle, memory_printf("blobs/%s", path));
}

static int add_improvement(Bundle *bundle, const Improvement *improvement)
{
	int r = improvement->notes ? add_blob(bundle, &improvement->notes->sha256) : 0;

	for (size_t i = 0; i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		for (size_t j = 0; r == 0 && j < image->payloads.count; j++)
			r = add_blob(bundle, &image->payloads.items[j].sha256);
	}
	return r;
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
		r = add_improvement(bundle, each);
	}
	if (r == 0 && !found)
		r = reason_set(bundle->reason, -ENOENT,
			"the index lists no improvement with the sequence %" PRIu64, sequence);
	return r;
}

static int add_index(Bundle *bundle, const Base *base, const char *channel)
{
	_cleanup_free_ char *name = NULL;
	int r = repository_index_file(bundle->repository, base, channel, &name, bundle->reason);

	return r < 0 ? r : add_name(bundle, TAKE_PTR(name));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Improvements share blobs: each goes in once. */
static void sort_names(Bundle *bundle)
{
	size_t kept = 0;

	qsort(bundle->names.items, bundle->names.count, sizeof(char *), compare_names);
	for (size_t i = 0; i < bundle->names.count; i++) {
		if (kept > 0 && strcmp(bundle->names.items[kept - 1], bundle->names.items[i]) == 0)
			free(bundle->names.items[i]);
		else
			bundle->names.items[kept++] = bundle->names.items[i];
	}
	bundle->names.count = kept;
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

static int write_data(const Bundle *bundle, const char *name, int fd, uint64_t size)
{
	_cleanup_free_ uint8_t *piece = memory_new(PIECE_SIZE);

	if (!piece)
		return -ENOMEM;
	while (size > 0) {
		ssize_t n = fd_read_some(fd, piece, size < PIECE_SIZE ? size : PIECE_SIZE);

		if (n <= 0)
			return reason_errno(
				bundle->reason, n < 0 ? (int)n : -ENODATA, "cannot read %s", name);
		if (archive_write_data(bundle->archive, piece, (size_t)n) != n)
			return fail(bundle, name);
		size -= (uint64_t)n;
	}
	return 0;
}

static int write_member(Bundle *bundle, const char *name)
{
	_cleanup_free_ char *path = path_join(bundle->repository->path, name);
	_cleanup_fd_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	uint64_t size;
	int r;

	if (!path)
		return -ENOMEM;
	r = fd < 0 ? -errno : fd_size(fd, &size);
	if (r < 0)
		return reason_errno(bundle->reason, r, "cannot read %s", path);
	r = write_header(bundle, name, size);
	if (r == 0)
		r = write_data(bundle, name, fd, size);
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
	for (size_t i = 0; r == 0 && i < bundle->names.count; i++)
		r = write_member(bundle, bundle->names.items[i]);
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
	sort_names(&bundle);
	r = write_all(&bundle, path);
	if (r == 0)
		*ret_counts = bundle.counts;
	return r;
}
