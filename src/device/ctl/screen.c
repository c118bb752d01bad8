/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "device/ctl/trial-screen.h"
#include "device/manager/status.h"
#include "device/store/history.h"
#include "wire/improvement/label.h"
#include "wire/json/document.h"

#define SCHEMA 1

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
			status_shows_nothing(json_object_get(status, "activation"))
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
