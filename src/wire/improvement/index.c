/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/improvement/index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/text.h"
#include "wire/improvement/index-schema.h"
#include "wire/improvement/rollout.h"
#include "wire/json/document.h"

#define IMAGE_BLOCK_SIZE 4096 /* EROFS and dm-verity count in these */

/* Names that may stand under an improvement's `requires`: what this client, or every kernel that
 * Suture supports, can do. */
static const char *const met_requirements[] = {"erofs", "overlayfs", "image-1", NULL};

static int refuse(Reason *reason, uint64_t sequence, const char *component, const char *what)
{
	return reason_set(reason, -EBADMSG, "improvement %" PRIu64 "%s%s: %s", sequence,
		component ? ", component " : "", component ? component : "", what);
}

static bool is_in_directories(const IndexImage *image, const char *path)
{
	for (size_t i = 0; i < image->directories.count; i++)
		if (path_is_below(path, image->directories.items[i]) &&
			strcmp(path, image->directories.items[i]) != 0)
			return true;
	return false;
}

static const char *check_directories(const IndexImage *image)
{
	char *const *directories = image->directories.items;

	if (image->directories.count == 0)
		return "has no graft directory";
	for (size_t i = 1; i < image->directories.count; i++) {
		if (strcmp(directories[i - 1], directories[i]) >= 0)
			return "graft directories are not in ascending order";
		for (size_t j = 0; j < i; j++)
			if (path_is_below(directories[i], directories[j]))
				return "one graft directory lies inside another";
	}
	return NULL;
}

static const char *check_files(const IndexImage *image)
{
	if (image->files.count + image->removed.count == 0)
		return "changes no file";
	for (size_t i = 0; i < image->files.count; i++) {
		if (!is_in_directories(image, image->files.items[i].path))
			return "a file lies outside the graft directories";
		if (i > 0 &&
			strcmp(image->files.items[i - 1].path, image->files.items[i].path) >= 0)
			return "files are not in ascending order";
	}
	for (size_t i = 0; i < image->removed.count; i++) {
		if (!is_in_directories(image, image->removed.items[i]))
			return "a removed file lies outside the graft directories";
		if (i > 0 && strcmp(image->removed.items[i - 1], image->removed.items[i]) >= 0)
			return "removed files are not in ascending order";
	}
	return NULL;
}

static const char *check_hosts(const IndexImage *image)
{
	bool has_read_once = false;

	for (size_t i = 0; i < image->files.count; i++) {
		has_read_once |= image->files.items[i].kind == FILE_READ_ONCE;
		if (image->files.items[i].build_id && image->files.items[i].kind != FILE_KERNEL)
			return "only a kernel module has a build-id";
	}
	for (size_t i = 1; i < image->hosts.count; i++)
		if (strcmp(image->hosts.items[i - 1], image->hosts.items[i]) >= 0)
			return "hosts are not in ascending order";
	if (image->hosts.count > 0 && !has_read_once)
		return "has hosts, but no file that they read";
	return NULL;
}

static const char *check_payloads(const IndexImage *image)
{
	bool has_full = false;

	for (size_t i = 0; i < image->payloads.count; i++) {
		const Payload *payload = &image->payloads.items[i];

		has_full |= payload->kind == PAYLOAD_FULL;
		if ((payload->kind == PAYLOAD_DELTA) != (payload->sources.count > 0))
			return "a delta must name its sources, and nothing else may";
		for (size_t j = 0; j < payload->sources.count; j++)
			if (!payload->sources.items[j].path ==
				digest_is_zero(&payload->sources.items[j].image))
				return "a source must be either a path or an image";
	}
	return has_full ? NULL : "has no full payload";
}

static const char *check_image(const IndexImage *image)
{
	const char *wrong = check_directories(image);

	if (!wrong && (image->size == 0 || image->size % IMAGE_BLOCK_SIZE != 0))
		wrong = "the image's size is not a multiple of its block size";
	if (!wrong)
		wrong = check_files(image);
	if (!wrong)
		wrong = check_hosts(image);
	return wrong ? wrong : check_payloads(image);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two images that own one path would fight over it in one overlay (grafting rule 2). */
static int check_owners(const Improvement *improvement, Reason *reason)
{
	_cleanup_free_ const char **paths = NULL;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < improvement->images.count; i++)
		count += improvement->images.items[i].files.count +
			improvement->images.items[i].removed.count;
	paths = memory_new_array(count, sizeof(*paths));
	if (!paths)
		return -ENOMEM;
	for (size_t i = 0; i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		for (size_t j = 0; j < image->files.count; j++)
			paths[n++] = image->files.items[j].path;
		for (size_t j = 0; j < image->removed.count; j++)
			paths[n++] = image->removed.items[j];
	}
	qsort(paths, n, sizeof(*paths), compare_texts);
	for (size_t i = 1; i < n; i++)
		if (strcmp(paths[i - 1], paths[i]) == 0)
			return reason_set(reason, -EBADMSG,
				"improvement %" PRIu64 ": %s is changed twice",
				improvement->sequence, paths[i]);
	return 0;
}

static const char *find_nesting(const IndexImage *image, const IndexImage *other)
{
	for (size_t i = 0; i < image->directories.count; i++)
		for (size_t j = 0; j < other->directories.count; j++) {
			const char *one = image->directories.items[i];
			const char *two = other->directories.items[j];

			if (strcmp(one, two) == 0)
				continue;
			if (path_is_below(one, two))
				return one;
			if (path_is_below(two, one))
				return two;
		}
	return NULL;
}

/* Images of one directory share its overlay. An overlay inside another one's directory would hide
 * or be hidden, by the order of mounting, so devices refuse it. */
static int check_nesting(const Improvement *improvement, Reason *reason)
{
	for (size_t i = 1; i < improvement->images.count; i++)
		for (size_t j = 0; j < i; j++) {
			const IndexImage *image = &improvement->images.items[i];
			const IndexImage *other = &improvement->images.items[j];
			const char *inner = find_nesting(image, other);

			if (inner)
				return reason_set(reason, -EBADMSG,
					"improvement %" PRIu64
					": graft directory %s lies inside another, of components "
					"%s and %s",
					improvement->sequence, inner, other->component,
					image->component);
		}
	return 0;
}

static const char *check_rollout(const Rollout *rollout)
{
	return rollout && rollout_wrong(rollout) ? "the roll-out ramp does not ascend" : NULL;
}

static int check_improvement(const Improvement *improvement, Reason *reason)
{
	const char *wrong = check_rollout(improvement->rollout);
	int r;

	if (!wrong && improvement->sequence == 0)
		wrong = "sequences count from 1";
	if (wrong)
		return refuse(reason, improvement->sequence, NULL, wrong);
	for (size_t i = 0; i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		wrong = check_image(image);
		for (size_t j = 0; j < i && !wrong; j++)
			if (strcmp(improvement->images.items[j].component, image->component) == 0)
				wrong = "stands there twice";
		if (wrong)
			return refuse(reason, improvement->sequence, image->component, wrong);
	}
	r = check_nesting(improvement, reason);
	return r < 0 ? r : check_owners(improvement, reason);
}

int index_check(const Index *index, Reason *reterr_reason)
{
	for (size_t i = 0; i < index->improvements.count; i++) {
		const Improvement *improvement = &index->improvements.items[i];
		int r = check_improvement(improvement, reterr_reason);

		if (r < 0)
			return r;
		if (i > 0 && improvement[-1].sequence <= improvement->sequence)
			return refuse(reterr_reason, improvement->sequence, NULL,
				"is not in descending order");
	}
	for (size_t i = 0; i < index->withdrawals.count; i++)
		for (size_t j = 0; j < i; j++)
			if (index->withdrawals.items[i].sequence ==
				index->withdrawals.items[j].sequence)
				return refuse(reterr_reason, index->withdrawals.items[i].sequence,
					NULL, "is withdrawn twice");
	return 0;
}

static bool is_from_future(const json_t *json)
{
	const char *format = json_string_value(json_object_get(json, "format"));

	return format && strcmp(format, INDEX_FORMAT) == 0 &&
		json_integer_value(json_object_get(json, "version")) > INDEX_VERSION;
}

int index_read(const void *data, size_t size, Index *ret_index, Reason *reterr_reason)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_index_ Index index = {};
	int r;

	if (size > INDEX_SIZE_MAX)
		return reason_set(
			reterr_reason, -EBADMSG, "index is larger than %zu bytes", INDEX_SIZE_MAX);
	r = document_parse(data, size, &json, reterr_reason);
	if (r < 0)
		return r;
	if (is_from_future(json))
		return reason_set(reterr_reason, INDEX_FROM_FUTURE,
			"the index is of a newer format; the next system update can read it");
	r = schema_read(index_fields, json, &index, reterr_reason);
	if (r == 0)
		r = index_check(&index, reterr_reason);
	if (r < 0)
		return r;
	*ret_index = index;
	index = (Index){};
	return 0;
}

int index_write(const Index *index, Buffer *ret_bytes)
{
	_cleanup_json_ json_t *json = schema_write(index_fields, index);

	return json ? document_canonical(json, ret_bytes) : -ENOMEM;
}

void index_clear(Index *index)
{
	schema_clear(index_fields, index);
}

uint64_t index_newest_sequence(const Index *index)
{
	uint64_t newest = index->improvements.count > 0 ? index->improvements.items[0].sequence : 0;

	for (size_t i = 0; i < index->withdrawals.count; i++)
		if (index->withdrawals.items[i].sequence > newest)
			newest = index->withdrawals.items[i].sequence;
	return newest;
}

static bool is_above_all(const Index *index, uint64_t sequence)
{
	for (size_t i = 0; i < index->improvements.count; i++)
		if (index->improvements.items[i].sequence >= sequence)
			return false;
	return !index_withdrawal(index, sequence);
}

/* Which of those that are listed stay beside a newer one: what was withdrawn goes first, because
 * the one before it may be what a device can still have. */
static void choose_kept(const Index *index, bool *ret_kept)
{
	size_t room = INDEX_LISTED - 1;

	for (int withdrawn = 0; withdrawn <= 1; withdrawn++)
		for (size_t i = 0; i < index->improvements.count; i++) {
			bool is = index_withdrawal(index, index->improvements.items[i].sequence);

			if (is != withdrawn || room == 0)
				continue;
			ret_kept[i] = true;
			room--;
		}
}

int index_add_improvement(Index *index, Improvement *improvement)
{
	bool kept[INDEX_IMPROVEMENTS_MAX] = {};
	Improvement *items;
	size_t count = 0;

	if (!is_above_all(index, improvement->sequence))
		return -EINVAL;
	items = memory_new_array(INDEX_LISTED, sizeof(*items));
	if (!items)
		return -ENOMEM;
	choose_kept(index, kept);
	items[count++] = *improvement;
	*improvement = (Improvement){};
	for (size_t i = 0; i < index->improvements.count; i++)
		if (kept[i])
			items[count++] = index->improvements.items[i];
		else
			index_improvement_clear(&index->improvements.items[i]);
	free(index->improvements.items);
	index->improvements.items = items;
	index->improvements.count = count;
	return 0;
}

void index_image_clear(IndexImage *image)
{
	schema_clear(index_image_fields, image);
}

int index_copy_image(const IndexImage *image, IndexImage *ret_image)
{
	_cleanup_json_ json_t *json = schema_write(index_image_fields, image);

	return json ? schema_read(index_image_fields, json, ret_image, NULL) : -ENOMEM;
}

int index_copy_improvement(const Improvement *improvement, Improvement *ret_improvement)
{
	_cleanup_json_ json_t *json = schema_write(index_improvement_fields, improvement);

	return json ? schema_read(index_improvement_fields, json, ret_improvement, NULL) : -ENOMEM;
}

const Improvement *index_find(const Index *index, uint64_t sequence)
{
	for (size_t i = 0; i < index->improvements.count; i++)
		if (index->improvements.items[i].sequence == sequence)
			return &index->improvements.items[i];
	return NULL;
}

const Withdrawal *index_withdrawal(const Index *index, uint64_t sequence)
{
	for (size_t i = 0; i < index->withdrawals.count; i++)
		if (index->withdrawals.items[i].sequence == sequence)
			return &index->withdrawals.items[i];
	return NULL;
}

const Withdrawal *index_blame(const Index *index, const Digest *image)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(image, text);
	for (size_t i = 0; i < index->withdrawals.count; i++)
		for (size_t j = 0; j < index->withdrawals.items[i].images.count; j++)
			if (strcmp(index->withdrawals.items[i].images.items[j], text) == 0)
				return &index->withdrawals.items[i];
	return NULL;
}

const Withdrawal *index_objection(const Index *index, const Improvement *improvement)
{
	const Withdrawal *found = index_withdrawal(index, improvement->sequence);

	for (size_t i = 0; !found && i < improvement->images.count; i++)
		found = index_blame(index, &improvement->images.items[i].sha256);
	return found;
}

const char *index_unmet_requirement(const Improvement *improvement)
{
	for (size_t i = 0; i < improvement->requires.count; i++)
		if (text_index(met_requirements, improvement->requires.items[i]) < 0)
	return improvement->requires.items[i];
	return NULL;
}

char *index_target_path(const char *product, const char *base, const char *channel)
{
	return memory_printf("%s/%s/%s/index.json", product, base, channel);
}

void index_blob_path(const Digest *digest, char ret_path[static INDEX_BLOB_PATH_SIZE])
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(digest, text);
	snprintf(ret_path, INDEX_BLOB_PATH_SIZE, "%.2s/%s", text, text);
}

int index_visit_blobs(const Improvement *improvement,
	int (*each)(void *context, const Digest *digest, uint64_t size), void *context)
{
	const Notes *notes = improvement->notes;
	int r = notes ? each(context, &notes->sha256, notes->size) : 0;

	for (size_t i = 0; r == 0 && i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		for (size_t j = 0; r == 0 && j < image->payloads.count; j++)
			r = each(context, &image->payloads.items[j].sha256,
				image->payloads.items[j].size);
	}
	return r;
}
