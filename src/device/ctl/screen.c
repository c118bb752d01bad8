/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/screen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "device/ctl/policy-screen.h"
#include "device/ctl/status-facts.h"
#include "device/ctl/trial-screen.h"
#include "device/store/history.h"
#include "wire/improvement/label.h"
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

json_t *screen_offer(const Manager *manager, const Offer *offer)
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

/* What is really mounted decides what is shown: the label tells the truth, not the intention. NULL:
 * nothing of this base is mounted. */
static Generation *mounted_generation(const Manager *manager, const json_t *activation)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	json_int_t mounted = document_number(activation, "mounted");

	if (mounted <= 0 ||
		store_read_generation(manager->store, (uint32_t)mounted, &generation, NULL) < 0 ||
		strcmp(generation->base, manager->base_key) != 0)
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
json_t *screen_fixes(const Generation *generation)
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

	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:s?, s:s?}", "succeeded",
		time_text(checked->succeeded), "issued", time_text(checked->issued), "expires",
		time_text(checked->expires), "fresh", checked->expires > now, "clock_is_behind",
		time_now() < checked->issued, "failed", time_text(checked->failed), "problem",
		checked->problem, "notes_problem", checked->notes);
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

json_t *screen_support(const Manager *manager)
{
	int64_t until = manager->has_index ? manager->index.supported_until : 0;
	Reason text = {};
	int r = manager_support(manager, &text);

	return r == 0 ? json_null()
		      : json_pack("{s:b, s:o, s:s?, s:s}", "ended", r == SUPPORT_ENDED, "until",
				time_text(until), "superseded_by", manager->index.superseded_by,
				"text", text.text);
}

json_t *screen_status(Manager *manager, const char *activation, Reason *reterr_reason)
{
	json_t *mounts = read_activation(activation);
	_cleanup_(generation_freep) Generation *mounted = mounted_generation(manager, mounts);
	uint64_t shown = mounted ? mounted->sequence : 0, sequence = 0;
	const Config *config = &manager->config;
	uint32_t generation = 0, removed = 0;
	Reason problem = {};
	json_t *status;
	Offer offer = {};
	int r = manager_installed(manager, &generation, &sequence, reterr_reason);

	if (r == 0)
		r = manager_offer(manager, false, &offer, reterr_reason);
	if (r == 0)
		r = store_removed(manager->store, manager->base_key, &removed, reterr_reason);
	if (generation == 0 && shows_nothing(mounts)) /* there is nothing to mount of it */
		shown = sequence;
	if (r < 0) {
		json_decref(mounts);
		return NULL;
	}
	status = json_pack(
		"{s:i, s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:I, s:o, s:i, s:o, s:o, s:o, s:s?, "
		"s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"schema", SCHEMA, "product", manager->identity.product, "version",
		manager->identity.version_id, "base", manager->base_key, "label",
		shown_label(manager, shown), "machine_label", machine_label(manager, shown),
		"sequence", (json_int_t)shown, "fixes", screen_fixes(mounted), "selected",
		(json_int_t)sequence, "selected_label", shown_label(manager, sequence), "removed",
		(int)removed, "withdrawn", describe_withdrawal(manager, offer.withdrawn), "offer",
		screen_offer(manager, &offer), "activation", mounts, "automatic",
		config_automatic_words[config->automatic], "channel", config->channel, "repository",
		config->url, "configuration_problem",
		manager_need_config(manager, &problem) < 0 ? problem.text : NULL, "last_check",
		time_text(manager->checked.succeeded), "checks", describe_checks(manager), "trial",
		trial_json(manager), "reverted", reverted_json(manager), "owed",
		describe_owed(manager), "support", screen_support(manager), "policy",
		policy_screen_summary(manager, &offer));
	if (!status || status_facts_add(status, manager, mounted) < 0) {
		json_decref(status);
		return NULL;
	}
	return status;
}

json_t *screen_history(const Manager *manager, Reason *reterr_reason)
{
	_cleanup_free_ HistoryEntry *entries = NULL;
	json_t *list;
	size_t count;

	if (history_read(manager->store, &entries, &count, reterr_reason) < 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:I, s:s}", "time", entries[i].time, "event",
				entries[i].event, "generation", (json_int_t)entries[i].generation,
				"sequence", (json_int_t)entries[i].sequence, "text",
				entries[i].text));
	return json_pack("{s:i, s:o}", "schema", SCHEMA, "history", list);
}

json_t *screen_error(int error, const Reason *reason)
{
	ExitCode code = exit_code_of(error);

	return json_pack("{s:i, s:{s:i, s:s, s:s}}", "schema", SCHEMA, "error", "code", (int)code,
		"word", exit_word(code), "text", reason->text[0] ? reason->text : strerror(-error));
}

int screen_print_json(const json_t *json)
{
	_cleanup_buffer_ Buffer buffer = {};
	int r = json ? document_write(json, &buffer) : -ENOMEM;

	return r < 0 ? r : fd_write_full(STDOUT_FILENO, buffer.data, buffer.size);
}
