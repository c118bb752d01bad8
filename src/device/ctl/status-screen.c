/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/status-screen.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "device/ctl/policy-screen.h"
#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "device/ctl/trial-screen.h"
#include "device/manager/manager.h"
#include "wire/json/document.h"

#define FIXES_SHOWN   4  /* what a line has room for; the others are counted */
#define DIGEST_SHOWN  12 /* as other tools have it: enough to tell images apart */
#define HEADER_COLUMN 80

static bool is(const json_t *object, const char *member, const char *word)
{
	return strcmp(document_text(object, member), word) == 0;
}

static bool has_improvement(const json_t *status)
{
	return document_number(status, "sequence") > 0;
}

static bool needs_restart(const json_t *status)
{
	return !is(status, "restart_needed", restart_scope_names[RESTART_NONE]);
}

static const char *style_of_urgency(const char *urgency)
{
	return strcmp(urgency, urgency_names[URGENCY_CRITICAL]) == 0 ? style(STYLE_RED) : "";
}

static void print_header(const json_t *status)
{
	const char *product = document_text(status, "product");
	const char *label = document_text(status, "label");
	size_t used = style_width(product) + 1 + style_width(label);
	_cleanup_free_ char *note = NULL;

	printf("%s%s %s%s", style(STYLE_BOLD), product, label, style(STYLE_PLAIN));
	if (needs_restart(status))
		note = memory_printf(
			_("restart needed for %s"), document_text(status, "selected_label"));
	if (note) {
		size_t room = used + style_width(note) + 2;

		printf("%*s%s%s%s", room < HEADER_COLUMN ? (int)(HEADER_COLUMN - room + 2) : 2, "",
			style(STYLE_YELLOW), note, style(STYLE_PLAIN));
	}
	printf("\n");
}

static bool has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

/* The caller's reference. */
static json_t *without(const json_t *list, const json_t *others)
{
	json_t *rest = json_array();

	for (size_t i = 0; i < json_array_size(list); i++)
		if (!has_text(others, json_string_value(json_array_get(list, i))))
			json_array_append(rest, json_array_get(list, i));
	return rest;
}

/* The caller's reference: those that are used in attacks first, which no reader may miss. */
static json_t *exploited_first(const json_t *cves, const json_t *exploited)
{
	json_t *others = without(cves, exploited), *sorted = without(cves, others);

	json_array_extend(sorted, others);
	json_decref(others);
	return sorted;
}

static int add_fix(Buffer *text, const char *cve, const json_t *exploited)
{
	const char *before = text->size > 0 ? ", " : "";

	if (!has_text(exploited, cve))
		return buffer_printf(text, "%s%s", before, cve);
	return buffer_printf(text, "%s%s%s %s%s", before, style(STYLE_RED), cve, _("exploited"),
		style(STYLE_PLAIN));
}

/* "CVE-2026-0001 exploited, CVE-2026-0002 and 3 more (high, EXAMPLEOS-2026-0001)". */
static void print_fixes(
	const json_t *status, const json_t *of, const char *urgency, const char *advisory, bool all)
{
	const json_t *exploited = json_object_get(status, "exploited");
	_cleanup_json_ json_t *cves = exploited_first(of, exploited);
	_cleanup_buffer_ Buffer text = {};
	size_t count = json_array_size(cves), shown = count;
	int r = 0;

	if (count == 0)
		return;
	if (!all && count > FIXES_SHOWN + 1)
		shown = FIXES_SHOWN;
	for (size_t i = 0; r == 0 && i < shown; i++)
		r = add_fix(&text, json_string_value(json_array_get(cves, i)), exploited);
	if (r == 0 && count > shown)
		r = buffer_printf(&text, _(" and %zu more"), count - shown);
	if (r == 0 && (urgency[0] || advisory[0]))
		r = buffer_printf(&text, " (%s%s%s%s%s)", style_of_urgency(urgency), urgency,
			style_of_urgency(urgency)[0] ? style(STYLE_PLAIN) : "",
			urgency[0] && advisory[0] ? ", " : "", advisory);
	if (r == 0)
		row_print(_("Fixes"), "%s", (char *)text.data);
}

static Style style_of_applied(const json_t *status)
{
	if (json_is_object(json_object_get(status, "withdrawn")) ||
		json_is_object(json_object_get(status, "owed")) ||
		json_object_get(json_object_get(status, "activation"), "problem") ||
		is(status, "health", "impaired"))
		return STYLE_RED;
	if (is(status, "health", "trial") || needs_restart(status) ||
		!is(json_object_get(status, "offer"), "state", offer_states[OFFER_NONE]))
		return STYLE_YELLOW;
	return has_improvement(status) ? STYLE_GREEN : STYLE_PLAIN;
}

/* Words of the JSON, as people say it. */
static const char *say(const char *word)
{
	static const struct {
		const char *word, *said;
	} words[] = {
		{"healthy", N_("healthy")},
		{"trial", N_("on trial")},
		{"impaired", N_("not whole")},
		{"soft-reboot", N_("a soft-reboot is enough")},
		{"reboot", N_("a reboot")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return _(words[i].said);
	return word;
}

static void print_applied_label(const json_t *status)
{
	size_t count = json_array_size(json_object_get(status, "components"));
	char since[ROW_TIME_TEXT_SIZE], size[ROW_SIZE_TEXT_SIZE];
	Style mark = style_of_applied(status);
	const char *label = document_text(status, "label");

	row_time(document_text(status, "since"), since);
	row_size(document_number(status, "bytes"), size);
	if (!has_improvement(status))
		row_print_marked(mark, _("Applied"), "%s", _("nothing, this is the base"));
	else if (count == 0)
		row_print_marked(mark, _("Applied"), _("%s, which brings nothing to graft"), label);
	else
		row_print_marked(mark, _("Applied"),
			_n("%s%s%s, %s, %zu component, %s", "%s%s%s, %s, %zu components, %s",
				count),
			label, since[0] ? _(" since ") : "", since,
			say(document_text(status, "health")), count, size);
}

/* "" when nothing covers the directory. */
static const char *cover_of(const json_t *activation, const char *path)
{
	const json_t *covers = json_object_get(activation, "cover");

	for (size_t i = 0; i < json_array_size(covers); i++)
		if (is(json_array_get(covers, i), "path", path))
			return document_text(json_array_get(covers, i), "by");
	return "";
}

/* What only waits for the next restart is as it should be. */
static bool only_waits(const json_t *directory)
{
	return is(directory, "state", "leftover") || is(directory, "state", "missing");
}

static void print_directory(const json_t *activation, const json_t *directory, bool all)
{
	const char *path = document_text(directory, "path"), *cover = cover_of(activation, path);

	if (cover[0])
		row_print(_("Graft"), _("/%s  not applied: covered by %s"), path, cover);
	else if (all || !is(directory, "state", "on"))
		row_print(_("Graft"), "/%s  %s (%s)", path, document_text(directory, "state"),
			document_text(directory, "graft"));
}

/* Whose images the store keeps although nothing shows them. */
static void print_held(const json_t *held)
{
	for (size_t i = 0; i < json_array_size(held); i++) {
		const json_t *old = json_array_get(held, i);
		const char *path = document_text(old, "path"), *pid = document_text(old, "pid");

		if (is(old, "pid", "0"))
			continue;
		if (is(old, "generation", "0"))
			row_print(_("Held"), _("/%s of the former base by process %s"), path, pid);
		else
			row_print(_("Held"), _("/%s of generation %s by process %s"), path,
				document_text(old, "generation"), pid);
	}
}

static void print_images(const json_t *images)
{
	for (size_t i = 0; i < json_array_size(images); i++) {
		const json_t *image = json_array_get(images, i);

		row_print(_("Image"), _("%s  %.*s%s  verified by %s"),
			document_text(image, "component"), DIGEST_SHOWN,
			document_text(image, "digest"), style_mark(MARK_MORE),
			document_text(image, "sealed"));
	}
}

static void print_mounts(const json_t *status, bool all)
{
	const json_t *activation = json_object_get(status, "activation");
	const json_t *directories = json_object_get(activation, "directory");

	if (all)
		print_images(json_object_get(activation, "image"));
	for (size_t i = 0; i < json_array_size(directories); i++) {
		const json_t *directory = json_array_get(directories, i);

		if (all || !needs_restart(status) || !only_waits(directory))
			print_directory(activation, directory, all);
	}
	if (all) {
		print_held(json_object_get(activation, "held"));
		row_print(_("Seals"), "%s", document_text(activation, "seal"));
	}
	if (json_object_get(activation, "paused"))
		row_print(_("Paused"), "%s", _("grafts are off while somebody changes the base"));
	if (json_object_get(activation, "problem"))
		row_print(_("Problem"), "%s", document_text(activation, "problem"));
}

/* Of a revert in this boot the activator says the same as the history. */
static void print_reason(const json_t *status)
{
	const char *reason = document_text(json_object_get(status, "activation"), "reason");
	const char *why = document_text(json_object_get(status, "reverted"), "why");

	reverted_print(json_object_get(status, "reverted"));
	if (reason[0] && !(why[0] && text_ends_with(reason, why)))
		row_print(_("Reason"), "%s", reason);
}

static void print_applied(const json_t *status, bool all)
{
	print_applied_label(status);
	print_fixes(status, json_object_get(status, "fixes"), document_text(status, "urgency"),
		document_text(status, "advisory"), all);
	print_mounts(status, all);
	print_reason(status);
	trial_print(json_object_get(status, "trial"));
}

static void print_waiting(const json_t *status, bool all)
{
	const char *label = document_text(status, "selected_label");
	_cleanup_json_ json_t *cves = without(
		json_object_get(status, "selected_fixes"), json_object_get(status, "fixes"));

	if (needs_restart(status))
		row_print(_("Staged"), _("%s becomes active at the next restart (%s)"), label,
			say(document_text(status, "restart_needed")));
	else if (is(status, "health", "impaired"))
		row_print(_("Selected"),
			_("%s, which is not applied as it should be; 'suture install' puts it "
			  "right, where it can"),
			label);
	else
		row_print(_("Staged"), _("%s becomes active at the next restart"), label);
	print_fixes(status, cves, "", "", all);
}

static void print_staged(const json_t *status, bool all)
{
	const json_t *owed = json_object_get(status, "owed");
	const json_t *withdrawn = json_object_get(status, "withdrawn");
	json_int_t selected = document_number(status, "selected");

	if (json_is_object(owed))
		row_print(_("Owed"),
			_("%s was damaged on the disk, and is obtained again by the next check of "
			  "sutured"),
			document_text(owed, "label"));
	if (selected > 0 && selected != document_number(status, "sequence"))
		print_waiting(status, all);
	if (json_is_object(withdrawn))
		row_print(_("Withdrawn"), _("the vendor withdrew %s: %s"),
			document_text(withdrawn, "label"), document_text(withdrawn, "reason"));
}

/* What is fixed already is no reason to install it. */
static void print_offer(const json_t *status, bool all)
{
	const json_t *offer = json_object_get(status, "offer");
	_cleanup_json_ json_t *cves =
		without(json_object_get(offer, "cves"), json_object_get(status, "fixes"));
	const char *urgency = document_text(offer, "urgency");
	char size[ROW_SIZE_TEXT_SIZE];

	if (is(offer, "state", offer_states[OFFER_NONE]))
		return;
	row_size(document_number(offer, "download_bytes"), size);
	row_print(is(offer, "state", offer_states[OFFER_AVAILABLE]) ? _("Available") : _("Offered"),
		json_is_true(json_object_get(offer, "downloaded"))
			? _("%s: %s (%s%s%s, downloaded already)")
			: _("%s: %s (%s%s%s, %s to download)"),
		document_text(offer, "label"), document_text(offer, "summary"),
		style_of_urgency(urgency), urgency,
		style_of_urgency(urgency)[0] ? style(STYLE_PLAIN) : "", size);
	print_fixes(status, cves, "", document_text(offer, "advisory"), all);
}

static void print_deferred(const json_t *deferred)
{
	for (size_t i = 0; i < json_array_size(deferred); i++)
		row_print(_("Waits"), "%s", document_text(json_array_get(deferred, i), "text"));
}

/* Of the same day the hour is enough. */
static const char *shorten(const char *time, const char *before)
{
	size_t day = strcspn(time, " ");

	return time[0] && strncmp(time, before, day + 1) == 0 ? time + day + 1 : time;
}

static void print_automatic(const json_t *status)
{
	const json_t *policy = json_object_get(status, "policy");
	char last[ROW_TIME_TEXT_SIZE], next[ROW_TIME_TEXT_SIZE],
		manager[POLICY_SCREEN_MANAGER_SIZE];

	policy_screen_print_summary(policy, document_text(status, "configuration_problem"));
	row_time(document_text(status, "last_check"), last);
	row_time(document_text(status, "next_check"), next);
	policy_screen_manager(policy, manager);
	row_print(_("Automatic"), _("%s%s; last check %s%s%s"), document_text(status, "automatic"),
		manager, last[0] ? last : _("never"), next[0] ? _(", next from ") : "",
		shorten(next, last));
}

static void print_window(const json_t *window)
{
	char opens[ROW_TIME_TEXT_SIZE];

	row_time(document_text(window, "opens"), opens);
	if (json_is_true(json_object_get(window, "open")))
		row_print(_("Window"), "%s", _("open now, for what restarts something"));
	else if (json_is_object(window))
		row_print(_("Window"), _("opens %s, for what restarts something"),
			opens[0] ? opens : _("not within two weeks"));
}

static void print_checks(const json_t *status)
{
	const json_t *checks = json_object_get(status, "checks");
	char failed[ROW_TIME_TEXT_SIZE], expires[ROW_TIME_TEXT_SIZE];

	row_time(document_text(checks, "failed"), failed);
	row_time(document_text(checks, "expires"), expires);
	if (json_is_string(json_object_get(checks, "problem")))
		row_print(_("Problem"), _("the try of %s failed: %s"), failed,
			document_text(checks, "problem"));
	if (json_is_string(json_object_get(checks, "notes_problem")))
		row_print(_("Notes"), "%s", document_text(checks, "notes_problem"));
	if (expires[0] && !json_is_true(json_object_get(checks, "fresh")))
		row_print(_("Not fresh"),
			_("the repository's word was good until %s; what is installed stays, and "
			  "nothing new comes until a check succeeds"),
			expires);
	if (json_is_true(json_object_get(checks, "clock_is_behind")))
		row_print(_("Clock"), "%s",
			_("it is behind the newest time that the vendor signed, which counts "
			  "instead"));
}

/* What can be done next, if there is something. */
static void print_hint(const json_t *status)
{
	const json_t *offer = json_object_get(status, "offer");

	if (needs_restart(status))
		printf("\n%s\n",
			_("Run 'suture install --restart' to restart now, 'suture remove' to go "
			  "back."));
	else if (is(offer, "state", offer_states[OFFER_AVAILABLE]))
		printf(_("\nRun 'suture install' to install %s now.\n"),
			document_text(offer, "label"));
	else if (has_improvement(status))
		printf("\n%s\n",
			_("Run 'suture exposure' to see what still runs old code, 'suture remove' "
			  "to go back."));
	else if (!json_is_string(json_object_get(status, "last_check")))
		printf(_("\nRun 'suture check' to ask for improvements.\n"));
}

static void print_all(const json_t *status, bool all)
{
	const json_t *support = json_object_get(status, "support");

	print_header(status);
	row_print(_("Base"), "%s  (%s)", document_text(status, "version"),
		document_text(status, "base"));
	if (json_object_get(support, "text"))
		row_print(_("Support"), "%s", document_text(support, "text"));
	print_applied(status, all);
	print_staged(status, all);
	print_offer(status, all);
	print_deferred(json_object_get(status, "deferred"));
	print_automatic(status);
	print_window(json_object_get(status, "window"));
	print_checks(status);
	print_hint(status);
}

void status_screen_print(const json_t *status)
{
	print_all(status, false);
}

void status_screen_print_all(const json_t *status)
{
	print_all(status, true);
}
