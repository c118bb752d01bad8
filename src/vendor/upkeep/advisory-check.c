/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/advisory-look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/digest512.h"
#include "vendor/advisory/agreement.h"
#include "vendor/advisory/lacks.h"
#include "vendor/advisory/links.h"
#include "vendor/advisory/provider.h"
#include "wire/json/document.h"

#define VENDOR_FILE   "vendor.json"
#define SECURITY_TXT  ".well-known/security.txt"
#define PROVIDER_FILE LINKS_CSAF "provider-metadata.json"

static void look_done(AdvisoryLook *look)
{
	feed_files_done(&look->files);
	json_decref(look->feed);
	json_decref(look->bad);
	json_decref(look->bases);
	json_decref(look->improvements);
	json_decref(look->promises);
}

/* -- what bases lack -- */

static int add_lack(const AdvisoryCheck *check, const Index *index, const json_t *lacks)
{
	return json_array_append_new(check->lacks,
		       json_pack("{s:s, s:s, s:s, s:s, s:I}", "product", index->product, "base",
			       index->base, "of", document_text(lacks, "of"), "reason",
			       document_text(lacks, "reason"), "files",
			       (json_int_t)json_array_size(json_object_get(lacks, "files")))) < 0
		? -ENOMEM
		: 0;
}

/* It is signed, so that writing advisories anew does not mend it. */
static int check_lacks(const AdvisoryLook *look, const Index *index)
{
	const json_t *lacks = lacks_of(index);
	const char *of = document_text(lacks, "base");
	Reason why = {};
	int r = lacks ? lacks_check(lacks, &why) : 0;

	if (r == 0 && lacks && !advisory_look_has_base(look->check, index->product, of))
		r = reason_set(&why, -EBADMSG, "there is no base %s", of);
	if (r < 0)
		return look->check->fault(look->check->context,
			reason_set(look->reason, -EBADMSG,
				"what %s %s is signed to lack of its predecessor is not as it "
				"should be: %s; its vendor has to sign the index anew",
				index->product, index->base, why.text));
	return lacks ? add_lack(look->check, index, lacks) : 0;
}

/* -- files -- */

static char *path_of(const AdvisoryLook *look, const char *name)
{
	return path_join(look->check->repository->path, name);
}

/* Reads a file; NUL-terminated. -ENOENT, -EFBIG and others: it cannot be had. */
static int read_name(const AdvisoryLook *look, const char *name, size_t max, uint8_t **ret_data,
	size_t *ret_size)
{
	_cleanup_free_ char *path = path_of(look, name);

	return path ? file_read(AT_FDCWD, path, max, ret_data, ret_size) : -ENOMEM;
}

static int fault_of_file(const AdvisoryLook *look, const char *name, int error)
{
	if (error == -ENOMEM)
		return error;
	return error == -ENOENT
		? advisory_look_fault(look, "%s is missing", name)
		: advisory_look_fault(
			  look, "%s is damaged: not the bytes that " FEED_NAME " lists", name);
}

static bool is_as_listed(const FeedFile *file, const uint8_t *data, size_t size)
{
	Digest digest;

	return size == file->size && digest_of(data, size, &digest) == 0 &&
		digest_equal(&digest, &file->sha256);
}

static int check_file(AdvisoryLook *look, const FeedFile *file)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_json_ json_t *json = NULL;
	Reason why = {};
	size_t size;
	int r = read_name(look, file->path, file->size, &data, &size);

	if (r == 0 && !is_as_listed(file, data, size))
		r = -EBADMSG;
	if (r < 0) {
		if (json_object_set_new(look->bad, file->path, json_true()) < 0)
			return -ENOMEM;
		return fault_of_file(look, file->path, r);
	}
	if (text_ends_with(file->path, ".json"))
		r = document_parse_large(data, size, FEED_VALUES_MAX, &json, &why);
	if (r == -EBADMSG && json_object_set_new(look->bad, file->path, json_true()) == 0)
		return advisory_look_fault(look, "%s: %s", file->path, why.text);
	return r;
}

static int check_files(AdvisoryLook *look)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->files.count; i++)
		r = check_file(look, &look->files.items[i]);
	return r;
}

static bool is_good(const AdvisoryLook *look, const char *name)
{
	return feed_files_find(&look->files, name) && !json_object_get(look->bad, name);
}

/* One that was found bad, or is not listed although it has to be, was or is told: *ret_data NULL.
 */
static int read_good(
	const AdvisoryLook *look, const char *name, uint8_t **ret_data, size_t *ret_size)
{
	*ret_data = NULL;
	if (!feed_files_find(&look->files, name))
		return advisory_look_fault(look, FEED_NAME " does not list %s", name);
	if (!is_good(look, name))
		return 0;
	return read_name(look, name, FEED_FILE_SIZE_MAX, ret_data, ret_size);
}

static int read_json(const AdvisoryLook *look, const char *name, json_t **ret_json)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r = read_good(look, name, &data, &size);

	*ret_json = NULL;
	return r < 0 || !data
		? r
		: document_parse_large(data, size, FEED_VALUES_MAX, ret_json, look->reason);
}

/* -- the feed -- */

/* Whether there have to be any: the vendor's own folder says so, of a copy what is left of them. */
static int expect_advisories(const AdvisoryLook *look)
{
	_cleanup_free_ char *path = look->check->workspace->path
		? workspace_path(look->check->workspace, VENDOR_FILE)
		: path_of(look, PROVIDER_FILE);

	if (!path)
		return -ENOMEM;
	return file_exists(AT_FDCWD, path) ? advisory_look_fault(look, FEED_NAME " is missing") : 0;
}

static int note_improvements(AdvisoryLook *look, const char *key, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *improvement = json_array_get(list, i);
		_cleanup_free_ char *id =
			memory_printf("%s:%s", key, document_text(improvement, "machine_label"));

		if (!id || json_object_set(look->improvements, id, improvement) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int note_bases(AdvisoryLook *look)
{
	const json_t *list = json_object_get(look->feed, "bases");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		json_t *base = json_array_get(list, i);
		_cleanup_free_ char *key = advisory_look_base_key(
			document_text(base, "product"), document_text(base, "base"));

		if (!key || json_object_set(look->bases, key, base) < 0)
			return -ENOMEM;
		r = note_improvements(look, key, json_object_get(base, "improvements"));
	}
	return r;
}

/* No feed, and none that has to be: look->feed stays NULL. */
static int load_feed(AdvisoryLook *look)
{
	_cleanup_free_ uint8_t *data = NULL;
	Reason why = {};
	size_t size;
	int r = read_name(look, FEED_NAME, FEED_SIZE_MAX, &data, &size);

	if (r == -ENOENT)
		return expect_advisories(look);
	if (r == 0)
		r = feed_parse(data, size, &look->feed, &why);
	if (r == 0)
		r = feed_files_read(look->feed, &look->files, &why);
	if (r == 0)
		return note_bases(look);
	json_decref(look->feed);
	look->feed = NULL;
	return r == -ENOMEM ? r
			    : advisory_look_fault(look, FEED_NAME " %s",
				      why.text[0] ? why.text : "cannot be read");
}

/* -- lists -- */

static int write_line(const json_t *told, bool is_changes, Buffer *ret_line)
{
	char file[ADVISORY_NAME_SIZE];
	const char *released = document_text(told, "released");

	advisory_name(document_text(told, "id"), file);
	return is_changes ? buffer_printf(ret_line, "\"%.4s/%s.json\",\"%s\"\r\n", released, file,
				    document_text(told, "updated"))
			  : buffer_printf(ret_line, "%.4s/%s.json\n", released, file);
}

/* Both ways: a line for each document, and no other. */
static int check_lines(const AdvisoryLook *look, const char *name, bool is_changes)
{
	_cleanup_free_ uint8_t *text = NULL;
	const json_t *list = json_object_get(look->feed, "advisories");
	size_t size, wanted_size = 0;
	int r = read_good(look, name, &text, &size);

	for (size_t i = 0; r == 0 && text && i < json_array_size(list); i++) {
		const json_t *told = json_array_get(list, i);
		_cleanup_buffer_ Buffer line = {};

		r = write_line(told, is_changes, &line);
		wanted_size += line.size;
		if (r == 0 && !strstr((char *)text, (char *)line.data))
			return advisory_look_fault(look, "%s lacks the advisory %s as it is now",
				name, document_text(told, "id"));
	}
	return r < 0 || !text || size == wanted_size
		? r
		: advisory_look_fault(look, "%s has lines of no advisory", name);
}

static int check_index_page(const AdvisoryLook *look)
{
	static const char name[] = LINKS_ADVISORIES "index.html";
	const json_t *list = json_object_get(look->feed, "advisories");
	_cleanup_free_ uint8_t *page = NULL;
	size_t size;
	int r = read_good(look, name, &page, &size);

	for (size_t i = 0; r == 0 && page && i < json_array_size(list); i++) {
		const char *id = document_text(json_array_get(list, i), "id");
		char file[ADVISORY_NAME_SIZE], link[ADVISORY_NAME_SIZE + 16];

		advisory_name(id, file);
		snprintf(link, sizeof(link), "\"%s.html\"", file);
		if (!strstr((char *)page, link))
			r = advisory_look_fault(
				look, "%s does not lead to the advisory %s", name, id);
	}
	return r;
}

static const char *newest_update(const AdvisoryLook *look)
{
	const json_t *list = json_object_get(look->feed, "advisories");
	const char *newest = "";

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *updated = document_text(json_array_get(list, i), "updated");

		if (strcmp(updated, newest) > 0)
			newest = updated;
	}
	return newest;
}

static int check_provider(const AdvisoryLook *look)
{
	static const char name[] = PROVIDER_FILE;
	const char *url = document_text(look->feed, "url"), *newest = newest_update(look);
	_cleanup_free_ char *self = memory_printf("%s%s", url, name);
	_cleanup_free_ char *folder = memory_printf("%s" LINKS_CSAF_WHITE, url);
	_cleanup_json_ json_t *json = NULL;
	const json_t *first;
	int r = self && folder ? read_json(look, name, &json) : -ENOMEM;

	if (r < 0 || !json)
		return r;
	first = json_array_get(json_object_get(json, "distributions"), 0);
	if (strcmp(document_text(json, "canonical_url"), self) != 0 ||
		strcmp(document_text(first, "directory_url"), folder) != 0)
		return advisory_look_fault(look, "%s is of another place than %s", name, url);
	return newest[0] == '\0' || strcmp(document_text(json, "last_updated"), newest) == 0
		? 0
		: advisory_look_fault(
			  look, "%s: last_updated is not %s, when an advisory was", name, newest);
}

/* A host may have one of its own, so that a mirror has none. */
static int check_security_txt(const AdvisoryLook *look)
{
	_cleanup_free_ char *line =
		memory_printf("\nCSAF: %s" PROVIDER_FILE "\n", document_text(look->feed, "url"));
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = line ? read_name(look, SECURITY_TXT, FEED_FILE_SIZE_MAX, &text, &size) : -ENOMEM;

	if (r == -ENOENT && !look->check->workspace->path)
		return 0;
	if (r < 0)
		return fault_of_file(look, SECURITY_TXT, r);
	if (!strstr((char *)text, line))
		return advisory_look_fault(look, SECURITY_TXT " does not lead to " LINKS_CSAF);
	return provider_expiry((char *)text) > look->check->repository->now
		? 0
		: advisory_look_fault(look, SECURITY_TXT " has expired");
}

/* Every improvement that a product's release file offers; text between `" version="` and `"`. */
static int check_offers(const AdvisoryLook *look, const char *name, char *text)
{
	static const char mark[] = " version=\"";
	int r = 0;

	text = strstr(text, "<release ");
	while (r == 0 && text && (text = strstr(text, mark))) {
		char *label = text + strlen(mark), *end = strchr(label, '"');

		if (!end)
			return advisory_look_fault(look, "%s is cut off", name);
		*end = '\0';
		text = end + 1;
		if (!advisory_signed_offers(look, label))
			r = advisory_look_fault(
				look, "%s offers %s, which is not on offer", name, label);
	}
	return r;
}

static int check_releases(const AdvisoryLook *look)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->files.count; i++) {
		const char *name = look->files.items[i].path;
		_cleanup_free_ uint8_t *text = NULL;
		size_t size;

		if (!text_ends_with(name, ".releases.xml"))
			continue;
		r = read_good(look, name, &text, &size);
		if (r == 0 && text)
			r = check_offers(look, name, (char *)text);
	}
	return r;
}

static int check_lists(const AdvisoryLook *look)
{
	int r = check_index_page(look);

	if (r == 0)
		r = check_releases(look);
	if (r == 0)
		r = check_lines(look, LINKS_CSAF_WHITE "index.txt", false);
	if (r == 0)
		r = check_lines(look, LINKS_CSAF_WHITE "changes.csv", true);
	if (r == 0)
		r = check_provider(look);
	return r < 0 ? r : check_security_txt(look);
}

/* -- advisories -- */

static int expect_line(
	const AdvisoryLook *look, const char *name, const char *digest, const char *of)
{
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_free_ char *line = memory_printf("%s  %s\n", digest, path_name(of));
	size_t size;
	int r = line ? read_good(look, name, &text, &size) : -ENOMEM;

	return r < 0 || !text || strcmp((char *)text, line) == 0
		? r
		: advisory_look_fault(look, "%s is not the digest of the file beside it", name);
}

/* `names`: as by links_file(). */
static int check_digests(const AdvisoryLook *look, char *const *names)
{
	_cleanup_free_ uint8_t *data = NULL;
	char text256[DIGEST_TEXT_SIZE], text512[DIGEST512_TEXT_SIZE];
	Digest512 long_digest;
	Digest digest;
	size_t size;
	int r = read_good(look, names[3], &data, &size);

	if (r < 0 || !data)
		return r;
	r = digest_of(data, size, &digest);
	if (r == 0)
		r = digest512_of(data, size, &long_digest);
	if (r < 0)
		return r;
	digest_to_text(&digest, text256);
	hex_encode(long_digest.bytes, DIGEST512_SIZE, text512);
	r = expect_line(look, names[4], text256, names[3]);
	return r < 0 ? r : expect_line(look, names[5], text512, names[3]);
}

/* Whether all of its files are as listed; what is not was told, or is told here. */
static int forms_are_good(AdvisoryLook *look, char *const *names, bool *ret_good)
{
	int r = 0;

	*ret_good = true;
	for (size_t i = 0; r == 0 && i < LINKS_FILES; i++) {
		bool listed = feed_files_find(&look->files, names[i]);

		if (!listed && i == LINKS_FILE_OSV)
			continue;
		if (!listed)
			r = advisory_look_fault(look, FEED_NAME " does not list %s", names[i]);
		*ret_good = *ret_good && is_good(look, names[i]);
	}
	look->is_partial |= !*ret_good;
	return r;
}

static int compare_forms(
	const AdvisoryLook *look, const json_t *told, const char *name, char *const *names)
{
	_cleanup_json_ json_t *csaf = NULL, *openvex = NULL, *osv = NULL;
	_cleanup_free_ uint8_t *page = NULL, *mail = NULL;
	AgreementForms forms = {.feed = look->feed, .told = told, .name = name};
	Reason why = {};
	size_t size;
	int r = read_good(look, names[0], &page, &size);

	if (r == 0)
		r = read_good(look, names[1], &mail, &size);
	if (r == 0)
		r = read_json(look, names[2], &openvex);
	if (r == 0)
		r = read_json(look, names[3], &csaf);
	if (r == 0 && is_good(look, names[LINKS_FILE_OSV]))
		r = read_json(look, names[LINKS_FILE_OSV], &osv);
	if (r < 0 || !page || !mail || !openvex || !csaf)
		return r;
	forms.page = (char *)page;
	forms.mail = (char *)mail;
	forms.csaf = csaf;
	forms.openvex = openvex;
	forms.osv = osv;
	r = agreement_check(&forms, look->promises, &why);
	return r == -EBADMSG ? advisory_look_fault(look, "%s", why.text) : r;
}

static int check_advisory(AdvisoryLook *look, const json_t *told)
{
	const char *id = document_text(told, "id");
	char name[ADVISORY_NAME_SIZE], *names[LINKS_FILES] = {};
	int64_t released;
	bool good = false;
	int r = time_parse(document_text(told, "released"), &released);

	if (r < 0 || id[0] == '\0')
		return advisory_look_fault(
			look, FEED_NAME " has an advisory without an id or a date");
	advisory_name(id, name);
	for (size_t i = 0; r == 0 && i < LINKS_FILES; i++) {
		names[i] = links_file(name, released, i);
		r = names[i] ? 0 : -ENOMEM;
	}
	look->check->advisories++;
	if (r == 0)
		r = forms_are_good(look, names, &good);
	if (r == 0 && good)
		r = check_digests(look, names);
	if (r == 0 && good)
		r = compare_forms(look, told, name, names);
	for (size_t i = 0; i < LINKS_FILES; i++)
		free(names[i]);
	return r;
}

static int check_advisories(AdvisoryLook *look)
{
	const json_t *list = json_object_get(look->feed, "advisories");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = check_advisory(look, json_array_get(list, i));
	return r;
}

/* -- all of it -- */

static int check_feed(AdvisoryLook *look)
{
	int r = check_files(look);

	if (r == 0)
		r = check_lists(look);
	if (r == 0)
		r = check_advisories(look);
	if (r == 0)
		r = advisory_signed_check(look);
	return r < 0 ? r : advisory_signed_check_promises(look);
}

int advisory_check_take(AdvisoryCheck *check, Index *index)
{
	int r = memory_grow(&check->indexes, check->count, sizeof(*check->indexes));

	if (r < 0)
		return r;
	check->indexes[check->count++] = *index;
	*index = (Index){};
	return 0;
}

int advisory_check_run(AdvisoryCheck *check, Reason *reason)
{
	_cleanup_(look_done) AdvisoryLook look = {.check = check,
		.bad = json_object(),
		.bases = json_object(),
		.improvements = json_object(),
		.promises = json_object(),
		.reason = reason};
	int r = 0;

	json_decref(check->lacks);
	check->lacks = json_array();
	check->advisories = 0;
	if (!look.bad || !look.bases || !look.improvements || !look.promises || !check->lacks)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < check->count; i++)
		r = check_lacks(&look, &check->indexes[i]);
	if (r == 0)
		r = load_feed(&look);
	return r < 0 || !look.feed ? r : check_feed(&look);
}

void advisory_check_done(AdvisoryCheck *check)
{
	for (size_t i = 0; i < check->count; i++)
		index_clear(&check->indexes[i]);
	free(check->indexes);
	json_decref(check->lacks);
	check->indexes = NULL;
	check->count = 0;
	check->lacks = NULL;
}
