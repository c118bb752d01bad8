/* SPDX-License-Identifier: Apache-2.0 */
#include "face/notify/message.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "wire/json/document.h"

#define CVES_SHOWN 4   /* more would not fit into a notification */
#define FIXES_SIZE 384 /* their ids; what is longer is cut */

static uint64_t number(const json_t *status, const char *member)
{
	json_int_t value = document_number(status, member);

	return value > 0 ? (uint64_t)value : 0;
}

static const json_t *enforcement_of(const json_t *status)
{
	return json_object_get(json_object_get(status, "policy"), "enforcement");
}

/* The last time for a warning that is over, and the first that is to come; 0: there is none. */
static void find_warnings(const json_t *status, int64_t now, int64_t *ret_last, int64_t *ret_next)
{
	const json_t *list = json_object_get(enforcement_of(status), "warnings");
	int64_t time, last = 0, next = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || time_parse(text, &time) < 0)
			continue;
		if (time <= now && time > last)
			last = time;
		if (time > now && (next == 0 || time < next))
			next = time;
	}
	*ret_last = last;
	*ret_next = next;
}

int64_t message_next(const json_t *status, int64_t now)
{
	int64_t last, next;

	find_warnings(status, now, &last, &next);
	return next;
}

Told message_state(const json_t *status, int64_t now)
{
	Told told = {.applied = number(status, "sequence"), .pending = number(status, "selected")};
	int64_t restart = 0, warned, next;

	find_warnings(status, now, &warned, &next);
	told.warned = (uint64_t)warned;
	(void)time_parse(document_text(status, "restart_at"), &restart);
	told.restart = (uint64_t)restart;
	if (told.pending == told.applied)
		told.pending = 0;
	return told;
}

/* "CVE-1, CVE-2 and 3 more". */
static void list_fixes(const json_t *fixes, char text[static FIXES_SIZE])
{
	size_t count = json_array_size(fixes), used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && i < CVES_SHOWN && used < FIXES_SIZE; i++)
		used += (size_t)snprintf(text + used, FIXES_SIZE - used, "%s%s", i > 0 ? ", " : "",
			json_string_value(json_array_get(fixes, i)));
	if (count > CVES_SHOWN && used < FIXES_SIZE)
		snprintf(text + used, FIXES_SIZE - used, " and %zu more", count - CVES_SHOWN);
}

static void tell_pending(const json_t *status, Message *message)
{
	char fixes[FIXES_SIZE];

	list_fixes(json_object_get(status, "selected_fixes"), fixes);
	snprintf(message->title, sizeof(message->title), "%s waits for a restart",
		document_text(status, "selected_label"));
	snprintf(message->text, sizeof(message->text), "%s%s%s", fixes[0] ? "It fixes " : "",
		fixes[0] ? fixes : "It is installed, and becomes active then.",
		fixes[0] ? ". It becomes active when this system is restarted." : "");
}

/* Seconds are left: what it fixes was told when it was staged. */
static void tell_restart(const json_t *status, uint64_t when, Message *message)
{
	char clock[TIME_LOCAL_SIZE];

	time_format_local((int64_t)when, clock);
	message->is_urgent = true;
	snprintf(message->title, sizeof(message->title), "This system restarts at %s", clock);
	snprintf(message->text, sizeof(message->text),
		"%s becomes active then. Save your work, or postpone it: suture postpone 1h.",
		document_text(status, "selected_label"));
}

/* What it fixes is told when it is installed. */
static void tell_deadline(const json_t *status, Message *message)
{
	const json_t *enforcement = enforcement_of(status),
		     *offer = json_object_get(status, "offer");
	const char *who = document_text(json_object_get(status, "policy"), "organisation");
	const char *why = document_text(enforcement, "details_url");
	bool is_offered = number(offer, "sequence") == number(enforcement, "sequence");
	char clock[TIME_LOCAL_SIZE];
	int64_t deadline = 0;

	(void)time_parse(document_text(enforcement, "deadline"), &deadline);
	time_format_local(deadline, clock);
	message->is_urgent = true;
	snprintf(message->title, sizeof(message->title), "%s will be installed by %s",
		is_offered ? document_text(offer, "label")
			   : document_text(enforcement, "improvement"),
		clock);
	snprintf(message->text, sizeof(message->text),
		"%s requires it. Install it when it suits you, before that time.%s%s",
		who[0] ? who : "The policy of this system", why[0] ? " Why: " : "", why);
}

static void tell_applied(const json_t *status, Message *message)
{
	char fixes[FIXES_SIZE];

	list_fixes(json_object_get(status, "fixes"), fixes);
	snprintf(message->title, sizeof(message->title), "%s was installed",
		document_text(status, "label"));
	snprintf(message->text, sizeof(message->text), "%s%s%s", fixes[0] ? "It fixes " : "",
		fixes[0] ? fixes : "This system is better protected now.", fixes[0] ? "." : "");
}

static void tell_base(const json_t *status, Message *message)
{
	const char *why = document_text(json_object_get(status, "reverted"), "why");

	snprintf(message->title, sizeof(message->title), "This system is %s again",
		document_text(status, "label"));
	snprintf(message->text, sizeof(message->text), "The improvement was taken off%s%s.",
		why[0] ? ": " : "", why);
}

/* "deadline-only" and "none" of suture.conf's notify. */
static bool is_wanted(const json_t *status, bool has_deadline)
{
	const char *level = document_text(json_object_get(status, "policy"), "notify");

	return strcmp(level, "none") != 0 && (strcmp(level, "deadline-only") != 0 || has_deadline);
}

bool message_make(const json_t *status, const Told *told, int64_t time, Message *ret_message)
{
	bool has_deadline = json_is_object(enforcement_of(status));
	Told now = message_state(status, time);
	Message message = {.is_urgent = has_deadline};

	if (told_equal(told, &now) || !is_wanted(status, has_deadline || now.restart > 0))
		return false;
	if (now.restart > 0 && now.restart != told->restart)
		tell_restart(status, now.restart, &message);
	else if (now.warned > told->warned)
		tell_deadline(status, &message);
	else if (now.pending > 0 && now.pending != told->pending)
		tell_pending(status, &message);
	else if (now.applied > told->applied)
		tell_applied(status, &message);
	else if (now.applied < told->applied)
		tell_base(status, &message);
	else
		return false;
	*ret_message = message;
	return true;
}
