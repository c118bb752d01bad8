/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/screen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
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
		"urgency", index_urgencies[improvement->urgency], "cves", list_cves(improvement),
		"download_bytes", (json_int_t)download_bytes(improvement), "downloaded",
		is_downloaded(manager, improvement));
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

static json_t *time_text(int64_t when)
{
	char text[TIME_TEXT_SIZE];

	if (when == 0)
		return json_null();
	time_format(when, text);
	return json_string(text);
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
static json_t *applied_fixes(const Generation *generation)
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
	const Config *config = manager->config_error == 0 ? &manager->config : NULL;
	uint32_t generation = 0, removed = 0;
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
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:I, s:o, s:i, s:o, s:o, s:o, s:s?, "
		"s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}",
		"schema", SCHEMA, "product", manager->identity.product, "version",
		manager->identity.version_id, "base", manager->base_key, "label",
		shown_label(manager, shown), "machine_label", machine_label(manager, shown),
		"sequence", (json_int_t)shown, "fixes", applied_fixes(mounted), "selected",
		(json_int_t)sequence, "selected_label", shown_label(manager, sequence), "removed",
		(int)removed, "withdrawn", describe_withdrawal(manager, offer.withdrawn), "offer",
		screen_offer(manager, &offer), "activation", mounts, "automatic",
		config ? config_automatic_words[config->automatic] : NULL, "channel",
		config ? config->channel : NULL, "repository", config ? config->url : NULL,
		"configuration_problem", config ? NULL : manager->config_reason.text, "last_check",
		time_text(manager->checked.succeeded), "checks", describe_checks(manager), "trial",
		trial_json(manager), "reverted", reverted_json(manager), "owed",
		describe_owed(manager), "support", screen_support(manager));
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

int screen_print_json(const json_t *json)
{
	_cleanup_buffer_ Buffer buffer = {};
	int r = json ? document_write(json, &buffer) : -ENOMEM;

	return r < 0 ? r : fd_write_full(STDOUT_FILENO, buffer.data, buffer.size);
}

/* "2026-11-22T05:58:42Z" as "2026-11-22 05:58 UTC". */
static void print_time(const char *text)
{
	printf("%.10s %.5s UTC", text, strlen(text) > 11 ? text + 11 : "");
}

static void print_cves(const json_t *cves)
{
	if (json_array_size(cves) > 0)
		printf("    Fixes: ");
	for (size_t i = 0; i < json_array_size(cves); i++)
		printf("%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(cves, i)));
	if (json_array_size(cves) > 0)
		printf("\n");
}

static void print_offer(const json_t *offer)
{
	const char *state = document_text(offer, "state");

	if (strcmp(state, offer_states[OFFER_NONE]) == 0)
		return;
	printf("%s %s: %s (%s, ",
		strcmp(state, offer_states[OFFER_AVAILABLE]) == 0 ? "Available:" : "  Offered:",
		document_text(offer, "label"), document_text(offer, "summary"),
		document_text(offer, "urgency"));
	if (json_is_true(json_object_get(offer, "downloaded")))
		printf("downloaded already)\n");
	else
		printf("%lld bytes to download)\n",
			(long long)document_number(offer, "download_bytes"));
	print_cves(json_object_get(offer, "cves"));
	if (json_object_get(offer, "why"))
		printf("     Note: %s\n", document_text(offer, "why"));
}

/* "" when nothing covers the directory. */
static const char *cover_of(const json_t *activation, const char *path)
{
	const json_t *covers = json_object_get(activation, "cover");

	for (size_t i = 0; i < json_array_size(covers); i++)
		if (strcmp(document_text(json_array_get(covers, i), "path"), path) == 0)
			return document_text(json_array_get(covers, i), "by");
	return "";
}

static void print_directory(const json_t *activation, const json_t *directory)
{
	const char *path = document_text(directory, "path"), *cover = cover_of(activation, path);

	if (cover[0])
		printf("    Graft: /%s  not applied: covered by %s\n", path, cover);
	else
		printf("    Graft: /%s  %s (%s)\n", path, document_text(directory, "state"),
			document_text(directory, "graft"));
}

/* Whose images the store keeps although nothing shows them. */
static void print_held(const json_t *held)
{
	for (size_t i = 0; i < json_array_size(held); i++) {
		const json_t *old = json_array_get(held, i);
		bool base = strcmp(document_text(old, "generation"), "0") == 0;

		if (strcmp(document_text(old, "pid"), "0") != 0)
			printf("     Held: /%s of %s%s by process %s\n", document_text(old, "path"),
				base ? "the former base" : "generation ",
				base ? "" : document_text(old, "generation"),
				document_text(old, "pid"));
	}
}

static void print_mounts(const json_t *activation)
{
	const json_t *images = json_object_get(activation, "image");
	const json_t *directories = json_object_get(activation, "directory");

	for (size_t i = 0; i < json_array_size(images); i++) {
		const json_t *image = json_array_get(images, i);

		printf("    Image: %s  %.12s…  verified by %s\n", document_text(image, "component"),
			document_text(image, "digest"), document_text(image, "sealed"));
	}
	for (size_t i = 0; i < json_array_size(directories); i++)
		print_directory(activation, json_array_get(directories, i));
	print_held(json_object_get(activation, "held"));
	printf("    Seals: %s\n", document_text(activation, "seal"));
	if (json_object_get(activation, "paused"))
		printf("   Paused: grafts are off while somebody changes the base\n");
	if (json_object_get(activation, "problem"))
		printf("  Problem: %s\n", document_text(activation, "problem"));
}

/* Of a revert in this boot the activator says the same as the history. */
static void print_reason(const json_t *status)
{
	const char *reason = document_text(json_object_get(status, "activation"), "reason");
	const char *why = document_text(json_object_get(status, "reverted"), "why");

	reverted_print(json_object_get(status, "reverted"));
	if (reason[0] && !(why[0] && text_ends_with(reason, why)))
		printf("   Reason: %s\n", reason);
}

static void print_applied(const json_t *status)
{
	const json_t *withdrawn = json_object_get(status, "withdrawn");
	bool differs = document_number(status, "selected") != document_number(status, "sequence");

	if (document_number(status, "sequence") == 0)
		printf("  Applied: nothing, this is the base\n");
	else
		printf("  Applied: %s%s\n", document_text(status, "label"),
			shows_nothing(json_object_get(status, "activation"))
				? ", which brings nothing to graft"
				: "");
	print_cves(json_object_get(status, "fixes"));
	print_mounts(json_object_get(status, "activation"));
	print_reason(status);
	trial_print(json_object_get(status, "trial"));
	if (json_is_object(json_object_get(status, "owed")))
		printf("     Owed: %s was damaged on the disk, and is obtained again by the next "
		       "check of sutured\n",
			document_text(json_object_get(status, "owed"), "label"));
	if (differs && document_number(status, "selected") > 0)
		printf("   Staged: %s becomes active at the next restart\n",
			document_text(status, "selected_label"));
	if (json_is_object(withdrawn))
		printf("Withdrawn: the vendor withdrew %s: %s\n", document_text(withdrawn, "label"),
			document_text(withdrawn, "reason"));
}

static void print_checks(const json_t *status)
{
	const json_t *checks = json_object_get(status, "checks");
	const char *expires = document_text(checks, "expires");

	if (json_is_string(json_object_get(checks, "problem"))) {
		printf("  Problem: the try of ");
		print_time(document_text(checks, "failed"));
		printf(" failed: %s\n", document_text(checks, "problem"));
	}
	if (json_is_string(json_object_get(checks, "notes_problem")))
		printf("    Notes: %s\n", document_text(checks, "notes_problem"));
	if (expires[0] && !json_is_true(json_object_get(checks, "fresh"))) {
		printf("Not fresh: the repository's word was good until ");
		print_time(expires);
		printf(";\n           what is installed stays, and nothing new comes until a check "
		       "succeeds\n");
	}
	if (json_is_true(json_object_get(checks, "clock_is_behind")))
		printf("    Clock: it is behind the newest time that the vendor signed, which "
		       "counts instead\n");
}

/* One thing that can be done next, if there is one. */
static void print_hint(const json_t *status)
{
	const json_t *offer = json_object_get(status, "offer");

	if (strcmp(document_text(offer, "state"), offer_states[OFFER_AVAILABLE]) == 0)
		printf("\nRun 'suture install' to install %s now.\n",
			document_text(offer, "label"));
	else if (document_number(status, "sequence") > 0)
		printf("\nRun 'suture remove' to go back to %s.\n",
			document_text(status, "version"));
	else if (!json_is_string(json_object_get(status, "last_check")))
		printf("\nRun 'suture check' to ask for improvements.\n");
}

void screen_print_status(const json_t *status)
{
	const char *problem = document_text(status, "configuration_problem");

	printf("%s %s\n", document_text(status, "product"), document_text(status, "label"));
	printf("     Base: %s  (%s)\n", document_text(status, "version"),
		document_text(status, "base"));
	if (json_object_get(json_object_get(status, "support"), "text"))
		printf("  Support: %s\n",
			document_text(json_object_get(status, "support"), "text"));
	print_applied(status);
	print_offer(json_object_get(status, "offer"));
	if (problem[0])
		printf("   Config: %s\n", problem);
	printf("Automatic: %s; last check ",
		problem[0] ? "not known" : document_text(status, "automatic"));
	if (json_is_string(json_object_get(status, "last_check")))
		print_time(document_text(status, "last_check"));
	else
		printf("never");
	printf("\n");
	print_checks(status);
	print_hint(status);
}

void screen_print_history(const json_t *history)
{
	const json_t *list = json_object_get(history, "history");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);

		print_time(document_text(entry, "time"));
		printf("  %-11s  %s", document_text(entry, "event"), document_text(entry, "text"));
		if (document_number(entry, "generation") > 0)
			printf(" (generation %lld)",
				(long long)document_number(entry, "generation"));
		printf("\n");
	}
	if (json_array_size(list) == 0)
		printf("Nothing happened yet.\n");
}
