/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/advisories.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "crypto/digest512.h"
#include "vendor/advisory/appstream.h"
#include "vendor/advisory/csaf.h"
#include "vendor/advisory/feed.h"
#include "vendor/advisory/history.h"
#include "vendor/advisory/links.h"
#include "vendor/advisory/mail.h"
#include "vendor/advisory/openvex.h"
#include "vendor/advisory/osv.h"
#include "vendor/advisory/page.h"
#include "vendor/advisory/provider.h"
#include "vendor/files/document-file.h"
#include "vendor/work/outbox.h"
#include "wire/json/document.h"

#define RECORDS     "advisories"
#define VENDOR_FILE "vendor.json"

typedef struct Advisories {
	Repository *repository;
	AdvisoryList list;
	FeedBases bases;
	FeedFiles files;    /* all that will be public, but the feed and security.txt */
	FeedFiles previous; /* what the present feed lists */
	Vendor vendor;
	AdvisoriesCorrection *correction; /* or NULL */
	bool all;
	size_t count; /* files that change */
	Reason *reason;
} Advisories;

static void advisories_done(Advisories *all)
{
	advisory_list_done(&all->list);
	feed_bases_done(&all->bases);
	feed_files_done(&all->files);
	feed_files_done(&all->previous);
	vendor_clear(&all->vendor);
}

/* -- records -- */

static int is_record(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".json");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_record(Advisories *all, const char *folder, const char *name)
{
	_cleanup_free_ char *path = path_join(folder, name);
	Advisory advisory = {};
	int r = path ? document_file_load(path, advisory_fields, &advisory, all->reason) : -ENOMEM;

	if (r == 0)
		r = advisory_list_add(&all->list, &advisory, all->reason);
	advisory_clear(&advisory);
	return r;
}

static int load_records(Advisories *all)
{
	_cleanup_free_ char *folder = workspace_path(all->repository->workspace, RECORDS);
	struct dirent **entries = NULL;
	int r = 0, n = folder ? scandir(folder, &entries, is_record, by_name) : -1;

	if (!folder)
		return -ENOMEM;
	if (n < 0 && errno != ENOENT)
		return reason_errno(all->reason, -errno, "cannot list %s", folder);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load_record(all, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int read_notes(void *context, const Notes *notes, uint8_t **ret_data, Reason *reterr_reason)
{
	const Repository *repository = context;
	char blob[INDEX_BLOB_PATH_SIZE];
	_cleanup_free_ char *name = NULL, *path = NULL;

	index_blob_path(&notes->sha256, blob);
	name = path_join("blobs", blob);
	path = name ? outbox_source(repository->workspace, name) : NULL;
	return path
		? repository_read_signed(path, notes->size, &notes->sha256, ret_data, reterr_reason)
		: -ENOMEM;
}

static int observe_base(Advisories *all, const Base *base)
{
	_cleanup_index_ Index index = {};
	int r = repository_read_next_index(all->repository, base, "public", &index, all->reason);

	if (r == 0)
		r = history_observe(&all->list, &index, read_notes, all->repository, all->reason);
	return r < 0 ? r : feed_bases_add(&all->bases, &index);
}

static int put_json(const Advisories *all, const char *name, json_t *json)
{
	_cleanup_json_ json_t *owned = json;
	_cleanup_buffer_ Buffer text = {};
	int r = owned ? document_write_indented(owned, &text) : -ENOMEM;

	return r < 0
		? r
		: outbox_put(all->repository->workspace, name, text.data, text.size, all->reason);
}

static int put_records(const Advisories *all)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->list.count; i++) {
		const AdvisoryEntry *entry = &all->list.items[i];
		_cleanup_free_ char *name = NULL;

		if (!entry->changed)
			continue;
		name = memory_printf("work/" RECORDS "/%s.json", entry->name);
		r = name ? put_json(all, name, schema_write(advisory_fields, &entry->advisory))
			 : -ENOMEM;
	}
	return r;
}

static int correct(Advisories *all)
{
	AdvisoriesCorrection *correction = all->correction;
	int r = history_correct(&all->list, correction->fixes, correction->why, all->reason);

	correction->is_new = r == 0;
	return r < 0 ? r : 0;
}

/* Everything that happened is in the records, and the new ones in the outbox. */
static int update_records(Advisories *all)
{
	const BaseList *bases = &all->repository->workspace->list;
	int r = load_records(all);

	for (size_t i = 0; r == 0 && i < bases->bases.count; i++)
		r = observe_base(all, &bases->bases.items[i]);
	if (r == 0 && all->correction)
		r = correct(all);
	if (r == 0)
		r = history_close(&all->list, all->repository->now);
	return r < 0 ? r : put_records(all);
}

/* -- public files -- */

/* The document as it is published; NULL where there is none, or none that can be read. */
static int read_published(const Advisories *all, const char *name, json_t **ret_json)
{
	_cleanup_free_ char *path = path_join(all->repository->path, name);
	_cleanup_free_ uint8_t *data = NULL;
	json_t *json = NULL;
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, FEED_SIZE_MAX, &data, &size) : -ENOMEM;

	if (r == 0)
		r = document_parse_large(data, size, FEED_VALUES_MAX, &json, NULL);
	*ret_json = json;
	return r == -ENOMEM ? r : 0;
}

static bool is_as_it_was(const Advisories *all, const char *name, const Buffer *text)
{
	_cleanup_free_ char *path = path_join(all->repository->path, name);
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	return path && file_read(AT_FDCWD, path, text->size, &data, &size) == 0 &&
		size == text->size && (size == 0 || memcmp(data, text->data, size) == 0);
}

static int put_file(Advisories *all, const char *name, const Buffer *text)
{
	int r = feed_is_path(name) ? feed_files_add(&all->files, name, text->data, text->size) : 0;

	if (r < 0 || is_as_it_was(all, name, text))
		return r;
	all->count++;
	return outbox_put(all->repository->workspace, name, text->data, text->size, all->reason);
}

/* The same for a document; takes the reference, which may be NULL when memory was short. */
static int put_document(Advisories *all, const char *name, json_t *json)
{
	_cleanup_json_ json_t *owned = json;
	_cleanup_buffer_ Buffer text = {};
	int r = owned ? document_write_indented(owned, &text) : -ENOMEM;

	return r < 0 ? r : put_file(all, name, &text);
}

/* A line as sha256sum(1) writes it. */
static int put_digest(Advisories *all, const char *name, const char *kind, const char *digest)
{
	_cleanup_free_ char *file = memory_printf("%s.%s", name, kind);
	_cleanup_buffer_ Buffer line = {};
	int r = file ? buffer_printf(&line, "%s  %s\n", digest, path_name(name)) : -ENOMEM;

	return r < 0 ? r : put_file(all, file, &line);
}

static int put_digests(Advisories *all, const char *name, const Buffer *text)
{
	char text256[DIGEST_TEXT_SIZE], text512[DIGEST512_TEXT_SIZE];
	Digest512 long_digest;
	Digest digest;
	int r = digest_of(text->data, text->size, &digest);

	if (r == 0)
		r = digest512_of(text->data, text->size, &long_digest);
	if (r < 0)
		return r;
	digest_to_text(&digest, text256);
	hex_encode(long_digest.bytes, DIGEST512_SIZE, text512);
	r = put_digest(all, name, "sha256", text256);
	return r < 0 ? r : put_digest(all, name, "sha512", text512);
}

static int put_csaf(Advisories *all, const AdvisoryEntry *entry)
{
	_cleanup_free_ char *below = links_csaf_file(&entry->advisory, entry->name);
	_cleanup_free_ char *name = below ? path_join(LINKS_CSAF "white", below) : NULL;
	_cleanup_json_ json_t *json = csaf_document(&entry->advisory, entry->name, &all->vendor);
	_cleanup_buffer_ Buffer text = {};
	int r = name && json ? document_write_indented(json, &text) : -ENOMEM;

	if (r == 0)
		r = put_file(all, name, &text);
	return r < 0 ? r : put_digests(all, name, &text);
}

static char *advisory_file(const AdvisoryEntry *entry, const char *suffix)
{
	return memory_printf(LINKS_ADVISORIES "%s%s", entry->name, suffix);
}

static int put_texts(Advisories *all, const AdvisoryEntry *entry)
{
	_cleanup_free_ char *page_name = advisory_file(entry, ".html");
	_cleanup_free_ char *mail_name = advisory_file(entry, ".txt");
	_cleanup_buffer_ Buffer page = {}, mail = {};
	int r = page_name && mail_name
		? page_write(&entry->advisory, entry->name, &all->vendor, &page)
		: -ENOMEM;

	if (r == 0)
		r = mail_write(&entry->advisory, entry->name, &all->vendor, &mail);
	if (r == 0)
		r = put_file(all, mail_name, &mail);
	return r < 0 ? r : put_file(all, page_name, &page);
}

static int put_advisory(Advisories *all, const AdvisoryEntry *entry)
{
	_cleanup_free_ char *vex = advisory_file(entry, ".openvex.json");
	_cleanup_free_ char *osv = advisory_file(entry, ".osv.json");
	int r = vex && osv ? put_csaf(all, entry) : -ENOMEM;

	if (r == 0)
		r = put_document(
			all, vex, openvex_document(&entry->advisory, entry->name, &all->vendor));
	/* the record that an older text had is not left as it was */
	if (r == 0 && (osv_applies(&entry->advisory) || feed_files_find(&all->previous, osv)))
		r = put_document(
			all, osv, osv_document(&entry->advisory, entry->name, &all->vendor));
	return r < 0 ? r : put_texts(all, entry);
}

/* What is as it was need not be made to know that: the feed goes on saying of its files what it
 * says, which is not what they are where they are damaged. 1: it does not know them, as of what was
 * planned and has become due. */
static int keep_advisory(Advisories *all, const AdvisoryEntry *entry)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < LINKS_FILES; i++) {
		_cleanup_free_ char *name =
			links_file(entry->name, advisory_first_date(&entry->advisory), i);
		const FeedFile *file = name ? feed_files_find(&all->previous, name) : NULL;

		if (file)
			r = feed_files_copy(&all->files, file);
		else if (!name || i != LINKS_FILE_OSV)
			r = name ? 1 : -ENOMEM;
	}
	return r;
}

static int put_or_keep(Advisories *all, const AdvisoryEntry *entry)
{
	int r = all->all || entry->changed ? 1 : keep_advisory(all, entry);

	return r > 0 ? put_advisory(all, entry) : r;
}

static int put_product(Advisories *all, const char *product)
{
	_cleanup_free_ char *name = appstream_file(product);
	_cleanup_buffer_ Buffer text = {};
	int r;

	if (!name)
		return -ENOMEM;
	if (feed_files_find(&all->files, name)) /* another base's product is the same */
		return 0;
	r = appstream_write(&all->list, product, &all->vendor, all->repository->now, &text);
	return r < 0 ? r : put_file(all, name, &text);
}

/* Of what was ever improved, and of what may be. */
static int put_products(Advisories *all)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->bases.count; i++)
		r = put_product(all, all->bases.items[i].product);
	for (size_t i = 0; r == 0 && i < all->list.count; i++) {
		const Advisory *advisory = &all->list.items[i].advisory;

		for (size_t j = 0; r == 0 && j < advisory->releases.count; j++)
			if (advisory_is_public(advisory, all->repository->now))
				r = put_product(all, advisory->releases.items[j].product);
	}
	return r;
}

static int put_provider(Advisories *all)
{
	static const char name[] = LINKS_CSAF "provider-metadata.json";
	_cleanup_json_ json_t *previous = NULL;
	int r = read_published(all, name, &previous);

	return r < 0 ? r
		     : put_document(all, name,
			       provider_metadata(
				       &all->list, &all->vendor, previous, all->repository->now));
}

static int put_lists(Advisories *all)
{
	int64_t now = all->repository->now;
	_cleanup_buffer_ Buffer page = {}, index = {}, changes = {};
	int r = page_write_index(&all->list, &all->vendor, now, &page);

	if (r == 0)
		r = provider_index(&all->list, now, &index);
	if (r == 0)
		r = provider_changes(&all->list, now, &changes);
	if (r == 0)
		r = put_file(all, LINKS_ADVISORIES "index.html", &page);
	if (r == 0)
		r = put_file(all, LINKS_CSAF_WHITE "index.txt", &index);
	if (r == 0)
		r = put_file(all, LINKS_CSAF_WHITE "changes.csv", &changes);
	if (r == 0)
		r = put_products(all);
	return r < 0 ? r : put_provider(all);
}

/* Last, because it lists all the others. */
static int put_feed(Advisories *all)
{
	feed_files_sort(&all->files);
	return put_document(all, FEED_NAME,
		feed_document(
			&all->list, &all->bases, &all->files, &all->vendor, all->repository->now));
}

static int put_security_txt(Advisories *all)
{
	static const char name[] = ".well-known/security.txt";
	_cleanup_free_ char *path = path_join(all->repository->path, name);
	_cleanup_free_ uint8_t *previous = NULL;
	_cleanup_buffer_ Buffer text = {};
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, FEED_FILE_SIZE_MAX, &previous, &size) : -ENOMEM;

	if (r < 0 && r != -ENOENT)
		return reason_errno(all->reason, r, "cannot read %s", path);
	r = provider_security_txt(
		&all->vendor, (const char *)previous, all->repository->now, &text);
	return r < 0 ? r : put_file(all, name, &text);
}

/* One that cannot be read is as none: all is made anew. */
static int load_previous(Advisories *all)
{
	_cleanup_json_ json_t *feed = NULL;
	int r = read_published(all, FEED_NAME, &feed);

	if (r == 0)
		r = feed_files_read(feed, &all->previous, NULL);
	return r == -ENOMEM ? r : 0;
}

static int put_public(Advisories *all)
{
	int64_t now = all->repository->now;
	int r = load_previous(all);

	advisory_list_sort(&all->list);
	for (size_t i = 0; r == 0 && i < all->list.count; i++)
		if (advisory_is_public(&all->list.items[i].advisory, now))
			r = put_or_keep(all, &all->list.items[i]);
	if (r == 0)
		r = put_lists(all);
	if (r == 0)
		r = put_feed(all);
	return r < 0 ? r : put_security_txt(all);
}

/* 0 where there is none and none is needed; 1 when it was read. */
static int load_vendor(Advisories *all)
{
	_cleanup_free_ char *path = workspace_path(all->repository->workspace, VENDOR_FILE);
	int r;

	if (!path)
		return -ENOMEM;
	if (file_exists(AT_FDCWD, path)) {
		r = document_file_load(path, vendor_fields, &all->vendor, all->reason);
		return r < 0 ? r : 1;
	}
	return all->all || all->correction
		? reason_set(all->reason, -ENOENT,
			  "advisories need %s, which says who publishes them: see "
			  "examples/vendor.json",
			  path)
		: 0;
}

static int put_all(Advisories *all, size_t *ret_count)
{
	int has_vendor = load_vendor(all);
	int r = has_vendor < 0 ? has_vendor : update_records(all);

	if (r == 0 && has_vendor > 0)
		r = put_public(all);
	if (r == 0)
		*ret_count = all->count;
	return r;
}

int advisories_put(
	Repository *repository, AdvisoriesScope scope, size_t *ret_count, Reason *reterr_reason)
{
	_cleanup_(advisories_done) Advisories all = {
		.repository = repository, .all = scope == ADVISORIES_ALL, .reason = reterr_reason};

	return put_all(&all, ret_count);
}

int advisories_correct(Repository *repository, AdvisoriesCorrection *correction, size_t *ret_count,
	Reason *reterr_reason)
{
	_cleanup_(advisories_done) Advisories all = {
		.repository = repository, .correction = correction, .reason = reterr_reason};

	return put_all(&all, ret_count);
}
