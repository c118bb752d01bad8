/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/status.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "device/manager/status-facts.h"
#include "device/manager/status-policy.h"
#include "device/manager/status-trial.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

#define SCHEMA 1

static json_t *shown_label(const Manager *manager, uint64_t sequence)
{
	char text[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, sequence, text);
	return json_string(text);
}

static json_t *machine_label(const Manager *manager, uint64_t sequence)
{
	char text[LABEL_TEXT_SIZE];

	label_machine(manager->identity.version_id, sequence, text);
	return json_string(text);
}

static json_t *list_cves(const Improvement *improvement)
{
	json_t *list = json_array();

	for (size_t i = 0; i < improvement->fixes.count; i++)
		json_array_append_new(list, json_string(improvement->fixes.items[i].cve));
	return list;
}

/* The smallest sum of downloads that may do: the first payload of each image. */
static uint64_t download_bytes(const Improvement *improvement)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < improvement->images.count; i++)
		if (improvement->images.items[i].payloads.count > 0)
			bytes += improvement->images.items[i].payloads.items[0].size;
	return bytes;
}

/* Whether nothing would have to be downloaded any more. */
static bool is_downloaded(const Manager *manager, const Improvement *improvement)
{
	for (size_t i = 0; i < improvement->images.count; i++) {
		_cleanup_fd_ int fd = -1;

		if (store_open_image(
			    manager->store, &improvement->images.items[i].sha256, &fd, NULL) < 0)
			return false;
	}
	return true;
}

static json_t *time_text(int64_t when)
{
	char text[TIME_TEXT_SIZE];

	if (when == 0)
		return json_null();
	time_format(when, text);
	return json_string(text);
}

/* The largest of its images' scopes, and what they take on the disk. */
static RestartScope scope_of(const Improvement *improvement, uint64_t *ret_bytes)
{
	RestartScope scope = RESTART_NONE;

	*ret_bytes = 0;
	for (size_t i = 0; i < improvement->images.count; i++) {
		const IndexImage *image = &improvement->images.items[i];

		*ret_bytes += image->size;
		if ((RestartScope)image->restart > scope)
			scope = (RestartScope)image->restart;
	}
	return scope;
}

static int add_effort(json_t *offer, const Improvement *improvement)
{
	uint64_t bytes;
	RestartScope scope = scope_of(improvement, &bytes);

	return json_object_set_new(offer, "scope", json_string(restart_scope_names[scope])) |
		json_object_set_new(offer, "image_bytes", json_integer((json_int_t)bytes)) |
		json_object_set_new(offer, "published", time_text(improvement->published));
}

json_t *status_offer(const Manager *manager, const Offer *offer)
{
	const Improvement *improvement = offer->improvement;
	Reason why = {};
	json_t *object;

	if (!improvement)
		return json_pack("{s:s}", "state", offer_states[OFFER_NONE]);
	object = json_pack("{s:s, s:I, s:o, s:o, s:s, s:s, s:o, s:I, s:b}", "state",
		offer_states[offer->state], "sequence", (json_int_t)improvement->sequence, "label",
		shown_label(manager, improvement->sequence), "machine_label",
		machine_label(manager, improvement->sequence), "summary", improvement->summary,
		"urgency", urgency_names[improvement->urgency], "cves", list_cves(improvement),
		"download_bytes", (json_int_t)download_bytes(improvement), "downloaded",
		is_downloaded(manager, improvement));
	if (object && add_effort(object, improvement) < 0) {
		json_decref(object);
		return NULL;
	}
	if (improvement->advisory)
		json_object_set_new(object, "advisory", json_string(improvement->advisory));
	if (manager_explain_offer(manager, offer, &why) != 0)
		json_object_set_new(object, "why", json_string(why.text));
	return object;
}

/* "name=value" words of one line of `suture-activate status`; `path` reaches to the line's end. */
static json_t *read_fields(char *words)
{
	json_t *object = json_object();

	while (words && *words) {
		char *equals = strchr(words, '='), *end;

		if (!equals)
			break;
		*equals = '\0';
		end = strcmp(words, "path") == 0 ? NULL : strchr(equals + 1, ' ');
		if (end)
			*end = '\0';
		json_object_set_new(object, words, json_string(equals + 1));
		words = end ? end + 1 : NULL;
	}
	return object;
}

static void take_status_line(json_t *status, char *line)
{
	static const char *const lists[] = {"directory", "cover", "image", "held", NULL};
	char *rest = strchr(line, ' ');
	uint64_t number;

	if (!rest)
		return;
	*rest++ = '\0';
	if (text_index(lists, line) >= 0)
		json_array_append_new(json_object_get(status, line), read_fields(rest));
	else if (text_to_u64(rest, INT32_MAX, &number) == 0)
		json_object_set_new(status, line, json_integer((json_int_t)number));
	else
		json_object_set_new(status, line, json_string(rest));
}

static json_t *read_activation(const char *text)
{
	json_t *status =
		json_pack("{s:[], s:[], s:[], s:[]}", "directory", "cover", "image", "held");
	_cleanup_free_ char *copy = memory_string(text);
	char *cursor = copy, *line;

	while (copy && (line = text_next_line(&cursor)))
		take_status_line(status, line);
	return status;
}

/* NULL: there is no such record, or it is of another base. */
static Generation *read_generation(const Manager *manager, json_int_t number)
{
	_cleanup_(generation_freep) Generation *generation = NULL;

	if (number <= 0 ||
		store_read_generation(manager->store, (uint32_t)number, &generation, NULL) < 0 ||
		!manager_is_of_base(manager, generation))
		return NULL;
	return TAKE_PTR(generation);
}

static bool shows_nothing(const json_t *activation)
{
	return json_is_integer(json_object_get(activation, "mounted")) &&
		document_number(activation, "mounted") == 0;
}

static bool contains(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

/* From the machine's own record: it also tells when the repository lists it no more. */
json_t *status_fixes(const Generation *generation)
{
	json_t *list = json_array();

	for (size_t i = 0; generation && i < generation->image_count; i++)
		for (size_t j = 0; j < generation->images[i].id_count; j++)
			if (!contains(list, generation->images[i].ids[j]))
				json_array_append_new(
					list, json_string(generation->images[i].ids[j]));
	return list;
}

static json_t *describe_withdrawal(const Manager *manager, const Withdrawal *withdrawn)
{
	if (!withdrawn)
		return json_null();
	return json_pack("{s:I, s:o, s:s, s:s}", "sequence", (json_int_t)withdrawn->sequence,
		"label", shown_label(manager, withdrawn->sequence), "level",
		index_withdrawal_levels[withdrawn->level], "reason", withdrawn->reason);
}

/* Until when the repository's word holds, and what went wrong since. */
static json_t *describe_checks(const Manager *manager)
{
	const Checked *checked = &manager->checked;
	int64_t now = checked_now(checked);

	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:s?, s:I, s:s?}", "succeeded",
		time_text(checked->succeeded), "issued", time_text(checked->issued), "expires",
		time_text(checked->expires), "fresh", checked->expires > now, "clock_is_behind",
		time_now() < checked->issued, "failed", time_text(checked->failed), "problem",
		checked->problem, "failures", (json_int_t)checked->failures, "notes_problem",
		checked->notes);
}

/* What was damaged on the disk and is obtained again as soon as that can be. */
static json_t *describe_owed(const Manager *manager)
{
	uint32_t lost;

	if (store_lost(manager->store, manager->base_key, &lost, NULL) < 0 || lost == 0)
		return json_null();
	return json_pack(
		"{s:I, s:o}", "sequence", (json_int_t)lost, "label", shown_label(manager, lost));
}

json_t *status_support(const Manager *manager)
{
	int64_t until = manager->has_index ? manager->index.supported_until : 0;
	Reason text = {};
	int r = manager_support(manager, &text);

	return r == 0 ? json_null()
		      : json_pack("{s:b, s:o, s:s?, s:s}", "ended", r == SUPPORT_ENDED, "until",
				time_text(until), "superseded_by", manager->index.superseded_by,
				"text", text.text);
}

/* Everything that is looked at, once, so that the members agree with each other. */
typedef struct StatusView {
	json_t *mounts;      /* of suture-activate; moves into the object */
	Generation *mounted; /* of this base; NULL: nothing */
	uint32_t generation, removed;
	uint64_t selected, shown; /* sequences */
	Offer offer;
} StatusView;

static void status_view_done(StatusView *view)
{
	json_decref(view->mounts);
	generation_free(view->mounted);
}

static int look(Manager *manager, StatusView *view, Reason *reterr_reason)
{
	_cleanup_free_ char *activation = NULL;
	int r = worker_status(manager->root, &activation, reterr_reason);

	if (r == 0)
		r = manager_installed(manager, &view->generation, &view->selected, reterr_reason);
	if (r == 0)
		r = manager_offer(manager, false, &view->offer, reterr_reason);
	if (r == 0)
		r = store_removed(manager->store, manager->base_key, &view->removed, reterr_reason);
	if (r < 0)
		return r;
	view->mounts = read_activation(activation);
	/* What is really mounted decides what is shown: the label tells the truth, not the
	 * intention. */
	view->mounted = read_generation(manager, document_number(view->mounts, "mounted"));
	view->shown = view->mounted ? view->mounted->sequence : 0;
	if (view->generation == 0 && shows_nothing(view->mounts)) /* nothing to mount of it */
		view->shown = view->selected;
	return view->mounts ? 0 : -ENOMEM;
}

static json_t *describe(Manager *manager, const StatusView *view)
{
	const Config *config = &manager->config;
	Reason problem = {};

	return json_pack(
		"{s:i, s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:I, s:o, s:i, s:o, s:o, s:O, s:s?, "
		"s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}",
		"schema", SCHEMA, "product", manager->identity.product, "version",
		manager->identity.version_id, "base", manager->base_key, "label",
		shown_label(manager, view->shown), "machine_label",
		machine_label(manager, view->shown), "sequence", (json_int_t)view->shown, "fixes",
		status_fixes(view->mounted), "selected", (json_int_t)view->selected,
		"selected_label", shown_label(manager, view->selected), "removed",
		(int)view->removed, "withdrawn",
		describe_withdrawal(manager, view->offer.withdrawn), "offer",
		status_offer(manager, &view->offer), "activation", view->mounts, "automatic",
		config_automatic_words[config->automatic], "channel", config->channel, "repository",
		config->url, "configuration_problem",
		manager_need_config(manager, &problem) < 0 ? problem.text : NULL, "last_check",
		time_text(manager->checked.succeeded), "checks", describe_checks(manager), "trial",
		trial_json(manager), "reverted", reverted_json(manager), "owed",
		describe_owed(manager), "support", status_support(manager), "name",
		manager->identity.name, "policy", status_policy(manager, &view->offer));
}

int status_make(Manager *manager, json_t **ret_status, Reason *reterr_reason)
{
	_cleanup_(status_view_done) StatusView view = {};
	int r = look(manager, &view, reterr_reason);
	_cleanup_json_ json_t *status = r == 0 ? describe(manager, &view) : NULL;

	if (r == 0)
		r = status ? status_facts_add(status, manager, view.mounted) : -ENOMEM;
	if (r == 0)
		*ret_status = TAKE_PTR(status);
	return r;
}
