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

Told message_state(const json_t *status)
{
	Told told = {.applied = number(status, "sequence"), .pending = number(status, "selected")};

	int64_t restart = 0;

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

bool message_make(const json_t *status, const Told *told, Message *ret_message)
{
	const json_t *policy = json_object_get(status, "policy");
	bool has_deadline = json_is_object(json_object_get(policy, "enforcement"));
	Told now = message_state(status);
	Message message = {.is_urgent = has_deadline};

	if (told_equal(told, &now) || !is_wanted(status, has_deadline || now.restart > 0))
		return false;
	if (now.restart > 0 && now.restart != told->restart)
		tell_restart(status, now.restart, &message);
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
