/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/upkeep/check.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "base/memory.h"
#include "base/path.h"
#include "vendor/make/payload.h"
#include "vendor/upkeep/advisory-check.h"
#include "vendor/keys/envelope.h"
#include "vendor/keys/seal-keys.h"
#include "vendor/upkeep/prune.h"
#include "vendor/work/outbox.h"
#include "wire/improvement/image-seal.h"
#include "wire/json/document.h"

#define PUBLIC "public" /* the channel that advisories tell of */

typedef struct Check {
	const Workspace *workspace;
	Repository *repository;
	SealPolicy policy; /* of the base */
	const Base *base;
	const char *channel;
	size_t in_channel; /* indexes that were found in it */
	json_t *done;      /* what was looked at already: improvements share blobs */
	AdvisoryCheck advisories;
	bool is_faulty;
	CheckReport *report;
	Reason *reason;
} Check;

void check_report_done(CheckReport *report)
{
	json_decref(report->faults);
	json_decref(report->lacks);
	report->faults = report->lacks = NULL;
}

/* What is wrong is noted, and the rest looked at all the same. */
static int note_fault(void *context, int error)
{
	Check *check = context;
	CheckReport *report = check->report;

	if (error == 0 || error == -ENOMEM)
		return error;
	check->is_faulty = true;
	if (report->error == 0)
		report->error = error;
	if (json_array_size(report->faults) == CHECK_FAULTS_MAX)
		return 0;
	return json_array_append_new(report->faults, json_string(check->reason->text)) < 0 ? -ENOMEM
											   : 0;
}

static int check_seal(Check *check, const Index *index, const Improvement *improvement, size_t part)
{
	_cleanup_buffer_ Buffer text = {};
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	Seal seal;
	int r;

	if (!check->base->root) {
		check->report->unsealed++;
		return 0;
	}
	r = image_seal(index, improvement, part, &seal, check->reason);
	if (r == 0)
		r = seal_write(&seal, &text, check->reason);
	if (r == 0)
		r = hex_decode(improvement->images.items[part].seal, signature, sizeof(signature));
	if (r == 0)
		r = seal_policy_verify(&check->policy, text.data, text.size, signature);
	return r < 0
		? reason_set(check->reason, r, "%s %s: the seal of component %s is not good",
			  index->product, index->base, improvement->images.items[part].component)
		: 0;
}

/* Positive when the blob was looked at for this purpose before. */
static int is_done(Check *check, const Digest *blob, const Digest *image, const char *base)
{
	char blob_text[DIGEST_TEXT_SIZE], image_text[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *key = NULL;

	digest_to_text(blob, blob_text);
	digest_to_text(image, image_text);
	key = memory_printf("%s %s %s", blob_text, image_text, base);
	if (!key)
		return -ENOMEM;
	if (json_object_get(check->done, key))
		return 1;
	return json_object_set_new(check->done, key, json_true()) < 0 ? -ENOMEM : 0;
}

static int map_blob(Check *check, const Digest *digest, uint64_t size, Mapping *ret_mapping)
{
	_cleanup_free_ char *path = repository_blob(check->repository, digest);
	int r = path ? repository_map_signed(path, size, digest, ret_mapping, check->reason)
		     : -ENOMEM;

	check->report->blobs += r == 0;
	check->report->bytes += r == 0 ? size : 0;
	return r;
}

static int check_delta(
	Check *check, const IndexImage *image, const Payload *payload, const Mapping *blob)
{
	if (!check->base->root) {
		check->report->unapplied++;
		return 0;
	}
	check->report->deltas++;
	return payload_check_delta(
		blob->data, blob->size, payload, check->base->root, image, check->reason);
}

static int check_payload(Check *check, const IndexImage *image, const Payload *payload)
{
	_cleanup_(mapping_done) Mapping blob = {};
	bool is_full = payload->kind == PAYLOAD_FULL;
	int r = is_done(check, &payload->sha256, &image->sha256, is_full ? "" : check->base->name);

	if (r != 0)
		return r < 0 ? r : 0;
	r = map_blob(check, &payload->sha256, payload->size, &blob);
	if (r < 0)
		return r;
	return is_full ? payload_check_full(blob.data, blob.size, image, check->reason)
		       : check_delta(check, image, payload, &blob);
}

static int check_notes(Check *check, const Notes *notes)
{
	_cleanup_(mapping_done) Mapping blob = {};
	int r = notes ? is_done(check, &notes->sha256, &notes->sha256, "") : 1;

	if (r != 0)
		return r < 0 ? r : 0;
	return map_blob(check, &notes->sha256, notes->size, &blob);
}

static int check_improvement(Check *check, const Index *index, const Improvement *improvement)
{
	int r = note_fault(check, check_notes(check, improvement->notes));

	check->report->improvements++;
	for (size_t i = 0; r == 0 && i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		check->report->images++;
		r = note_fault(check, check_seal(check, index, improvement, i));
		for (size_t j = 0; r == 0 && j < image->payloads.count; j++)
			r = note_fault(
				check, check_payload(check, image, &image->payloads.items[j]));
	}
	return r;
}

static int check_index(void *context, const char *path, const TrustFile *file)
{
	Check *check = context;
	_cleanup_index_ Index index = {};
	int r = repository_read_listed(check->repository, path, file, &index, check->reason);

	if (r < 0)
		return note_fault(check, r);
	check->report->indexes++;
	check->in_channel += strcmp(index.channel, check->channel) == 0;
	for (size_t i = 0; r == 0 && i < index.improvements.count; i++)
		r = check_improvement(check, &index, &index.improvements.items[i]);
	return r < 0 || strcmp(index.channel, PUBLIC) != 0
		? r
		: advisory_check_take(&check->advisories, &index);
}

static int check_base(Check *check, const Base *base)
{
	int r = 0;

	check->base = base;
	if (base->root)
		r = seal_keys_of_base(check->workspace, base, &check->policy, check->reason);
	if (r == 0)
		r = repository_visit(check->repository, base, check_index, check, check->reason);
	return note_fault(check, r);
}

static int check_bases(Check *check, const OptionList *wanted, Bar *bar)
{
	const BaseList *list = &check->workspace->list;
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->bases.count; i++) {
		const Base *base = &list->bases.items[i];

		if (wanted->count > 0 && !option_list_has(wanted, base->name))
			continue;
		if (bar)
			bar_update(bar, "check", base->name, i, list->bases.count);
		r = check_base(check, base);
	}
	return r;
}

/* Whether something became public since the metadata was read, or is about to. */
static bool is_moving(const Check *check)
{
	const Repository *repository = check->repository;
	_cleanup_free_ char *path = path_join(repository->path, "metadata/timestamp.json");
	_cleanup_json_ json_t *envelope = NULL;

	if (check->workspace->path && outbox_is_ready(check->workspace))
		return true;
	return path && envelope_read(path, &envelope, NULL) == 0 &&
		metadata_version(json_object_get(envelope, "signed")) !=
		metadata_version(repository_published(repository, "timestamp"));
}

static int run_advisories(Check *check)
{
	int r = advisory_check_run(&check->advisories, check->reason);

	json_decref(check->report->lacks);
	check->report->lacks = TAKE_PTR(check->advisories.lacks);
	check->report->advisories = check->advisories.advisories;
	return r;
}

static int drop_faults(Check *check, size_t count, int error)
{
	check->report->error = error;
	check->is_faulty = error != 0;
	while (json_array_size(check->report->faults) > count)
		if (json_array_remove(check->report->faults, count) < 0)
			return -ENOMEM;
	return 0;
}

/* They become public behind the metadata, so that a fault may be what is not there yet: only what
 * is found twice, while nothing moves, is one. */
static int check_advisories(Check *check)
{
	size_t count = json_array_size(check->report->faults);
	int error = check->report->error;
	int r = run_advisories(check);

	if (r < 0 || json_array_size(check->report->faults) == count)
		return r;
	r = drop_faults(check, count, error);
	if (r == 0)
		r = run_advisories(check);
	if (r < 0 || json_array_size(check->report->faults) == count || !is_moving(check))
		return r;
	check->report->is_moving = true;
	return drop_faults(check, count, error);
}

/* Not a fault: it costs space alone. What is damaged was told already. */
static int count_unlisted(Check *check)
{
	_cleanup_prune_list_ PruneList list = {};
	int r = check->report->error
		? 0
		: prune_list(check->repository, PRUNE_KEEP_DAYS, &list, check->reason);

	check->report->unlisted = list.count;
	check->report->unlisted_bytes = list.bytes;
	return note_fault(check, r);
}

static int find_bases(const Workspace *workspace, const OptionList *bases, Reason *reason)
{
	const Base *base;
	int r = 0;

	for (size_t i = 0; r == 0 && i < bases->count; i++)
		r = workspace_find_base(workspace, bases->items[i], &base, reason);
	return r;
}

static int check_all(Check *check, const OptionList *bases, Bar *bar)
{
	int r = find_bases(check->workspace, bases, check->reason);

	if (r == 0)
		r = check_bases(check, bases, bar);
	if (r == 0 && check->in_channel == 0 && check->report->error == 0 &&
		check->workspace->list.bases.count > 0)
		r = reason_set(check->reason, -ENOENT, "no base has a channel %s", check->channel);
	if (r == 0)
		r = check_advisories(check);
	return r < 0 ? r : count_unlisted(check);
}

int check_repository(const Workspace *workspace, Repository *repository, const OptionList *bases,
	const char *channel, Bar *bar, CheckReport *ret_report, Reason *reterr_reason)
{
	_cleanup_check_report_ CheckReport report = {.faults = json_array()};
	_cleanup_json_ json_t *done = json_object();
	Check check = {.workspace = workspace,
		.repository = repository,
		.channel = channel,
		.done = done,
		.report = &report,
		.reason = reterr_reason};
	int r;

	check.advisories = (AdvisoryCheck){.repository = repository,
		.workspace = workspace,
		.fault = note_fault,
		.context = &check,
		.is_faulty = &check.is_faulty};
	r = report.faults && done ? check_all(&check, bases, bar) : -ENOMEM;
	advisory_check_done(&check.advisories);
	if (r < 0)
		return r;
	*ret_report = report;
	report.faults = report.lacks = NULL;
	return 0;
}
