/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/publish/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/publish/cumulative.h"
#include "vendor/work/draft.h"
#include "vendor/work/outbox.h"
#include "vendor/keys/seal-keys.h"
#include "wire/improvement/image-seal.h"
#include "wire/improvement/index-schema.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

/* How a rehearsal is known and shown. */
#define REHEARSAL_MEMBER  "rehearsal"
#define REHEARSAL_SUMMARY "A rehearsal: it brings nothing new"

/* What one base gets. */
typedef struct Release {
	const Workspace *workspace;
	Repository *repository;
	const Base *base;
	const PublishTerms *terms;
	bool is_wanted;
	DraftList drafts;
	Channels channels;
	Channel *channel;
	const Improvement *old; /* what it builds on; NULL: the base alone */
	Improvement next;
	char *seal_name; /* of the key that seals */
} Release;

static void release_done(Release *release)
{
	draft_list_done(&release->drafts);
	channels_done(&release->channels);
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
	const Improvement *old = release->old;
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
	const Improvement *old = release->old;
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

/* What the drafts' fixes files say of all of it. */
static int describe_fixes(Release *release, int64_t now)
{
	const Fixes *fixes = release->drafts.items[0].fixes;
	Improvement *next = &release->next;

	next->published = fixes->released ? fixes->released : now;
	next->urgency = fixes->urgency;
	next->summary = memory_string(fixes->title);
	next->advisory = memory_string(fixes->id);
	if (!next->summary || !next->advisory)
		return -ENOMEM;
	for (size_t i = 1; i < release->drafts.count; i++)
		if (release->drafts.items[i].fixes->urgency > next->urgency)
			next->urgency = release->drafts.items[i].fixes->urgency;
	return 0;
}

static int describe_rehearsal(Improvement *next, int64_t now)
{
	next->published = now;
	next->urgency = URGENCY_LOW;
	next->summary = memory_string(REHEARSAL_SUMMARY);
	next->optional = json_pack("{s:b}", REHEARSAL_MEMBER, true);
	return next->summary && next->optional ? 0 : -ENOMEM;
}

static int describe(Release *release, Reason *reason)
{
	const PublishTerms *terms = release->terms;
	Improvement *next = &release->next;
	int64_t now = release->repository->now;
	int r = terms->is_rehearsal ? describe_rehearsal(next, now) : describe_fixes(release, now);

	next->sequence = channels_newest(&release->channels) + 1;
	return r < 0
		? r
		: ramp_choose(release->workspace, &terms->ramp, terms->channel, now, next, reason);
}

static int seal_image(Release *release, size_t part, Reason *reason)
{
	IndexImage *image = &release->next.images.items[part];
	_cleanup_buffer_ Buffer text = {};
	char *signature = NULL;
	Seal seal;
	int r = image_seal(&release->channel->index, &release->next, part, &seal, reason);

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

static bool is_to_rehearse(const PublishTerms *terms, const Base *base)
{
	for (size_t i = 0; i < terms->base_count; i++)
		if (strcmp(terms->bases[i], base->name) == 0)
			return true;
	return terms->base_count == 0;
}

static int find_work(Release *release, Reason *reason)
{
	int r = 0;

	if (release->terms->is_rehearsal) {
		release->is_wanted = is_to_rehearse(release->terms, release->base);
	} else {
		r = draft_load_all(release->workspace, release->base, &release->drafts, reason);
		release->is_wanted = r == 0 && release->drafts.count > 0;
	}
	return r;
}

/* Reads the base's drafts and indexes, and puts the images together; writes nothing. */
static int release_open(Release *release, Reason *reason)
{
	const PublishTerms *terms = release->terms;
	int r = find_work(release, reason);

	if (r < 0 || !release->is_wanted)
		return r;
	r = channels_load(release->repository, release->base, &release->channels, reason);
	if (r == 0)
		r = channels_open(&release->channels, terms->channel, &release->channel, reason);
	if (r < 0)
		return r;
	release->old = channels_predecessor(&release->channels, terms->channel);
	r = collect_images(release);
	if (r == 0)
		r = cumulative_check(release->base, release->old, &release->next, reason);
	if (r == 0)
		r = publish_check_blame(
			release->base, release->channel, &release->next, terms->force, reason);
	return r < 0 ? r
		     : seal_keys_choose(release->workspace, release->base,
			       release->repository->signer, &release->seal_name, reason);
}

static bool is_listed(const json_t *list, const char *cve)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), cve) == 0)
			return true;
	return false;
}

static bool has_fix(const Improvement *improvement, const IndexFix *fix)
{
	for (size_t i = 0; i < improvement->fixes.count; i++)
		if (strcmp(improvement->fixes.items[i].cve, fix->cve) == 0 &&
			strcmp(improvement->fixes.items[i].component, fix->component) == 0)
			return true;
	return false;
}

/* What was withdrawn since the predecessor may have fixed something: that is open again. */
static int find_unfixed(const Release *release, json_t *list)
{
	const Index *index = &release->channel->index;

	for (size_t i = 0; i < index->improvements.count; i++) {
		const Improvement *gone = &index->improvements.items[i];

		if (release->old && gone->sequence <= release->old->sequence)
			continue;
		for (size_t j = 0; j < gone->fixes.count; j++)
			if (!has_fix(&release->next, &gone->fixes.items[j]) &&
				!is_listed(list, gone->fixes.items[j].cve) &&
				json_array_append_new(list, json_string(gone->fixes.items[j].cve)) <
					0)
				return -ENOMEM;
	}
	return 0;
}

static int tell(const Release *release, Published *ret)
{
	ret->base = release->base;
	ret->sequence = release->next.sequence;
	ret->images = release->next.images.count;
	ret->rollout = ramp_describe(release->next.rollout, release->repository->now);
	ret->unfixed = json_array();
	return ret->rollout && ret->unfixed ? find_unfixed(release, ret->unfixed) : -ENOMEM;
}

static int release_base(Release *release, Published *ret, Reason *reason)
{
	int r = describe(release, reason);

	if (r == 0)
		r = publish_check_rehearsal(
			&release->next, release->terms->channel, release->terms->force, reason);
	if (r == 0)
		r = collect_fixes(release);
	if (r == 0 && release->drafts.count > 0)
		r = write_notes(release, reason);
	if (r == 0)
		r = finish_images(release, reason);
	if (r == 0)
		r = tell(release, ret);
	if (r == 0)
		r = index_add_improvement(&release->channel->index, &release->next);
	if (r < 0)
		return r;
	release->channel->changed = true;
	return channels_write(&release->channels, reason);
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
static int open_all(const Workspace *workspace, Repository *repository, const PublishTerms *terms,
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
			.terms = terms,
			.base = &workspace->list.bases.items[list->count],
		};
		r = release_open(release, reason);
		if (r < 0) {
			release_done(release);
			return r;
		}
	}
	return 0;
}

void published_list_done(PublishedList *list)
{
	for (size_t i = 0; i < list->count; i++) {
		json_decref(list->items[i].rollout);
		json_decref(list->items[i].unfixed);
	}
	free(list->items);
	*list = (PublishedList){};
}

static int prepare_all(const ReleaseList *releases, PublishedList *list, Reason *reason)
{
	int r = 0;

	list->items = memory_new_array(releases->count, sizeof(*list->items));
	if (!list->items)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < releases->count; i++)
		if (releases->items[i].is_wanted)
			r = release_base(&releases->items[i], &list->items[list->count++], reason);
	return r;
}

int publish_prepare(const Workspace *workspace, Repository *repository, const PublishTerms *terms,
	PublishedList *ret_list, Reason *reterr_reason)
{
	_cleanup_(release_list_done) ReleaseList releases = {};
	_cleanup_(published_list_done) PublishedList list = {};
	int r = open_all(workspace, repository, terms, &releases, reterr_reason);

	if (r == 0)
		r = prepare_all(&releases, &list, reterr_reason);
	if (r < 0)
		return r;
	if (list.count == 0)
		return reason_set(reterr_reason, -ENODATA,
			"there is nothing to publish; 'suture-publish create' makes drafts");
	*ret_list = list;
	list = (PublishedList){};
	return 0;
}

int publish_check_rehearsal(
	const Improvement *improvement, const char *channel, bool force, Reason *reterr_reason)
{
	if (force || strcmp(channel, CHANNEL_PUBLIC) != 0 ||
		!json_is_true(json_object_get(improvement->optional, REHEARSAL_MEMBER)))
		return 0;
	return reason_set(reterr_reason, -EINVAL,
		"a rehearsal mends nothing, and channel " CHANNEL_PUBLIC
		" is for everybody; say another channel, or --force");
}

int publish_check_blame(const Base *base, Channel *channel, const Improvement *improvement,
	bool force, Reason *reterr_reason)
{
	for (size_t i = 0; i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];
		const Withdrawal *blame = index_blame(&channel->index, &image->sha256);
		char label[LABEL_TEXT_SIZE];

		if (!blame)
			continue;
		label_shown(base->version, blame->sequence, label);
		if (!force)
			return reason_set(reterr_reason, -EINVAL,
				"component %s for base %s is, to the byte, what was withdrawn with "
				"%s (%s); rebuild it, or say --force if it was not to blame",
				image->component, base->name, label, blame->reason);
		channel_forgive(channel, &image->sha256);
	}
	return 0;
}
