/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/publish/draft.h"
#include "vendor/publish/outbox.h"
#include "vendor/publish/seal-keys.h"
#include "wire/improvement/image-seal.h"
#include "wire/improvement/index-schema.h"
#include "wire/improvement/label.h"
#include "wire/json/document.h"

/* What one base gets. */
typedef struct Release {
	const Workspace *workspace;
	Repository *repository;
	const Base *base;
	DraftList drafts;
	Index index;
	Improvement next;
	char *seal_name; /* of the key that seals */
} Release;

static void release_done(Release *release)
{
	draft_list_done(&release->drafts);
	index_clear(&release->index);
	index_improvement_clear(&release->next);
	free(release->seal_name);
}

static const Draft *draft_of(const Release *release, const char *component)
{
	for (size_t i = 0; i < release->drafts.count; i++)
		if (strcmp(release->drafts.items[i].image->component, component) == 0)
			return &release->drafts.items[i];
	return NULL;
}

/* The newest improvement that was not withdrawn: what the next one builds on. */
static const Improvement *predecessor(const Index *index)
{
	for (size_t i = 0; i < index->improvements.count; i++)
		if (!index_withdrawal(index, index->improvements.items[i].sequence))
			return &index->improvements.items[i];
	return NULL;
}

static int compare_file(const void *path, const void *file)
{
	return strcmp(path, ((const ImageFile *)file)->path);
}

static int compare_text(const void *path, const void *text)
{
	return strcmp(path, *(char *const *)text);
}

/* Whether the image changes or removes the file; both lists are sorted. */
static bool image_has(const IndexImage *image, const char *path)
{
	return (image->files.count > 0 &&
		       bsearch(path, image->files.items, image->files.count,
			       sizeof(*image->files.items), compare_file)) ||
		(image->removed.count > 0 &&
			bsearch(path, image->removed.items, image->removed.count,
				sizeof(*image->removed.items), compare_text));
}

static int refuse_undone(const Release *release, uint64_t sequence, const char *component,
	const char *path, const char *how, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(release->base->version, sequence, label);
	return reason_set(reason, -EINVAL,
		"%s was %s by %s and is the base's again in this rebuild of component %s for base "
		"%s; rebuild with that fix too, and make the draft again",
		path, how, label, component, release->base->name);
}

/* A draft replaces the image of its component whole, while the list of fixes goes on: a file that
 * only the old image changes would be unfixed, and said to be fixed. */
static int check_kept(
	const Release *release, const Improvement *old, const IndexImage *image, Reason *reason)
{
	const Draft *draft = draft_of(release, image->component);

	for (size_t i = 0; draft && i < image->files.count; i++)
		if (!image_has(draft->image, image->files.items[i].path))
			return refuse_undone(release, old->sequence, image->component,
				image->files.items[i].path, "changed", reason);
	for (size_t i = 0; draft && i < image->removed.count; i++)
		if (!image_has(draft->image, image->removed.items[i]))
			return refuse_undone(release, old->sequence, image->component,
				image->removed.items[i], "removed", reason);
	return 0;
}

static int check_cumulative(const Release *release, Reason *reason)
{
	const Improvement *old = predecessor(&release->index);
	int r = 0;

	for (size_t i = 0; r == 0 && old && i < old->images.count; i++)
		r = check_kept(release, old, &old->images.items[i], reason);
	return r;
}

static int add_image(Improvement *next, const IndexImage *image)
{
	int r = memory_grow(&next->images.items, next->images.count, sizeof(*next->images.items));

	if (r == 0)
		r = index_copy_image(image, &next->images.items[next->images.count]);
	next->images.count += r == 0;
	return r;
}

static int collect_images(Release *release)
{
	const Improvement *old = predecessor(&release->index);
	int r = 0;

	for (size_t i = 0; r == 0 && old && i < old->images.count; i++)
		if (!draft_of(release, old->images.items[i].component))
			r = add_image(&release->next, &old->images.items[i]);
	for (size_t i = 0; r == 0 && i < release->drafts.count; i++)
		r = add_image(&release->next, release->drafts.items[i].image);
	return r;
}

static int add_fix(Improvement *next, const char *cve, const char *component)
{
	IndexFix *fix;
	int r;

	for (size_t i = 0; i < next->fixes.count; i++)
		if (strcmp(next->fixes.items[i].cve, cve) == 0 &&
			strcmp(next->fixes.items[i].component, component) == 0)
			return 0;
	r = memory_grow(&next->fixes.items, next->fixes.count, sizeof(*next->fixes.items));
	if (r < 0)
		return r;
	fix = &next->fixes.items[next->fixes.count++];
	fix->cve = memory_string(cve);
	fix->component = memory_string(component);
	return fix->cve && fix->component ? 0 : -ENOMEM;
}

/* Improvements are cumulative, and so is what they fix. */
static int collect_fixes(Release *release)
{
	const Improvement *old = predecessor(&release->index);
	int r = 0;

	for (size_t i = 0; r == 0 && old && i < old->fixes.count; i++)
		r = add_fix(&release->next, old->fixes.items[i].cve, old->fixes.items[i].component);
	for (size_t i = 0; i < release->drafts.count; i++) {
		const Draft *draft = &release->drafts.items[i];

		for (size_t j = 0; r == 0 && j < draft->fixes->fixes.count; j++) {
			const Fix *fix = &draft->fixes->fixes.items[j];

			if (strcmp(fix->component, draft->image->component) == 0)
				r = add_fix(&release->next, fix->cve, fix->component);
		}
	}
	return r;
}

static int put_blob(
	const Release *release, const Digest *digest, const void *data, size_t size, Reason *reason)
{
	char blob[INDEX_BLOB_PATH_SIZE];
	_cleanup_free_ char *name = NULL;

	index_blob_path(digest, blob);
	name = path_join("blobs", blob);
	return name ? outbox_put(release->workspace, name, data, size, reason) : -ENOMEM;
}

/* The fixes files travel with the improvement, as one blob that devices can show. */
static int write_notes(Release *release, Reason *reason)
{
	_cleanup_json_ json_t *list = json_array();
	_cleanup_buffer_ Buffer bytes = {};
	Notes *notes = memory_new(sizeof(*notes));
	int r = 0;

	release->next.notes = notes;
	for (size_t i = 0; r == 0 && i < release->drafts.count; i++)
		r = json_array_append_new(
			list, schema_write(fixes_fields, release->drafts.items[i].fixes));
	if (!notes || r < 0 || document_canonical(list, &bytes) < 0)
		return -ENOMEM;
	r = digest_of(bytes.data, bytes.size, &notes->sha256);
	notes->size = bytes.size;
	return r < 0 ? r : put_blob(release, &notes->sha256, bytes.data, bytes.size, reason);
}

static int describe(Release *release, int64_t now)
{
	const Fixes *fixes = release->drafts.items[0].fixes;
	Improvement *next = &release->next;

	next->sequence = index_newest_sequence(&release->index) + 1;
	next->published = fixes->released ? fixes->released : now;
	next->urgency = fixes->urgency;
	next->summary = memory_string(fixes->title);
	next->advisory = memory_string(fixes->id);
	next->rollout = memory_new(sizeof(Rollout));
	if (!next->summary || !next->advisory || !next->rollout)
		return -ENOMEM;
	for (size_t i = 1; i < release->drafts.count; i++)
		if (release->drafts.items[i].fixes->urgency > next->urgency)
			next->urgency = release->drafts.items[i].fixes->urgency;
	next->rollout->start = next->published;
	release->index.issued = now; /* when it was made: never a planned time */
	return 0;
}

static int seal_image(Release *release, size_t part, Reason *reason)
{
	IndexImage *image = &release->next.images.items[part];
	_cleanup_buffer_ Buffer text = {};
	char *signature = NULL;
	Seal seal;
	int r = image_seal(&release->index, &release->next, part, &seal, reason);

	if (r == 0)
		r = seal_write(&seal, &text, reason);
	if (r == 0)
		r = seal_keys_sign(release->repository->signer, release->seal_name, text.data,
			text.size, &signature, reason);
	if (r < 0)
		return r;
	free(image->seal);
	image->seal = signature;
	return 0;
}

static int place_blob(const Release *release, const Payload *payload, Reason *reason)
{
	_cleanup_free_ char *target = repository_blob(release->repository, &payload->sha256);
	_cleanup_free_ char *source = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	char blob[INDEX_BLOB_PATH_SIZE];
	int r;

	index_blob_path(&payload->sha256, blob);
	source = memory_printf("%s/blobs/%s", release->workspace->path, blob);
	if (!source || !target)
		return -ENOMEM;
	/* a new seal vouches for what is there already, so that is looked at */
	if (file_exists(AT_FDCWD, target) || !file_exists(AT_FDCWD, source))
		return repository_read_signed(
			target, payload->size, &payload->sha256, &data, reason);
	r = repository_read_signed(source, payload->size, &payload->sha256, &data, reason);
	return r < 0 ? r : put_blob(release, &payload->sha256, data, payload->size, reason);
}

static int finish_images(Release *release, Reason *reason)
{
	for (size_t i = 0; i < release->next.images.count; i++) {
		const IndexImage *image = &release->next.images.items[i];
		int r = seal_image(release, i, reason);

		for (size_t j = 0; r == 0 && j < image->payloads.count; j++)
			r = place_blob(release, &image->payloads.items[j], reason);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads the base's drafts and index; looks, and writes nothing. */
static int release_open(Release *release, const char *channel, Reason *reason)
{
	int r = draft_load_all(release->workspace, release->base, &release->drafts, reason);

	if (r < 0 || release->drafts.count == 0)
		return r;
	r = repository_read_index(
		release->repository, release->base, channel, &release->index, reason);
	if (r == 0)
		r = check_cumulative(release, reason);
	return r < 0 ? r
		     : seal_keys_choose(release->workspace, release->base,
			       release->repository->signer, &release->seal_name, reason);
}

static int release_base(Release *release, Published *ret, Reason *reason)
{
	int r = describe(release, release->repository->now);

	if (r == 0)
		r = collect_images(release);
	if (r == 0)
		r = collect_fixes(release);
	if (r == 0)
		r = write_notes(release, reason);
	if (r == 0)
		r = finish_images(release, reason);
	if (r < 0)
		return r;
	*ret = (Published){release->base, release->next.sequence, release->next.images.count};
	r = index_add_improvement(&release->index, &release->next);
	return r < 0 ? r
		     : repository_write_index(
			       release->repository, release->base, &release->index, reason);
}

typedef struct ReleaseList {
	Release *items; /* one for each base, also where it has no drafts */
	size_t count;
} ReleaseList;

static void release_list_done(ReleaseList *list)
{
	for (size_t i = 0; i < list->count; i++)
		release_done(&list->items[i]);
	free(list->items);
}

/* All of them before the first is written: what one base refuses is to be seen of none. */
static int open_all(const Workspace *workspace, Repository *repository, const char *channel,
	ReleaseList *list, Reason *reason)
{
	list->items = memory_new_array(workspace->list.bases.count, sizeof(*list->items));
	if (!list->items)
		return -ENOMEM;
	for (; list->count < workspace->list.bases.count; list->count++) {
		Release *release = &list->items[list->count];
		int r;

		*release = (Release){
			.workspace = workspace,
			.repository = repository,
			.base = &workspace->list.bases.items[list->count],
		};
		r = release_open(release, channel, reason);
		if (r < 0) {
			release_done(release);
			return r;
		}
	}
	return 0;
}

int publish_drafts(const Workspace *workspace, Repository *repository, const char *channel,
	Published *ret_list, size_t *ret_count, Reason *reterr_reason)
{
	_cleanup_(release_list_done) ReleaseList list = {};
	size_t count = 0;
	int r = open_all(workspace, repository, channel, &list, reterr_reason);

	for (size_t i = 0; r == 0 && i < list.count; i++)
		if (list.items[i].drafts.count > 0)
			r = release_base(&list.items[i], &ret_list[count++], reterr_reason);
	if (r < 0)
		return r;
	if (count == 0)
		return reason_set(reterr_reason, -ENODATA,
			"there is nothing to publish; 'suture-publish create' makes drafts");
	*ret_count = count;
	return 0;
}
