/* SPDX-License-Identifier: Apache-2.0 */
/* suture-notify: in the session of a person, tells once what was installed or taken off without
 * being asked, and what waits for a restart. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/log.h"
#include "base/time.h"
#include "face/notify/message.h"
#include "face/notify/told.h"
#include "wire/json/document.h"

#define AGENT      "org.suture.Manager1"
#define AGENT_PATH "/org/suture/Manager1"
#define BOARD      "org.freedesktop.Notifications"
#define BOARD_PATH "/org/freedesktop/Notifications"

/* While a deadline is to come: clocks are set, machines sleep, and the wait counts neither. */
#define PAUSE_US (60 * UINT64_C(1000000))

typedef struct Notifier {
	sd_bus *system, *session;
	char *memory;   /* the file of what was told */
	uint32_t shown; /* the number of the notification that is replaced; 0: none */
	int64_t next;   /* when there is more to tell; seconds since 1970; 0: after a change */
} Notifier;

static int show(Notifier *notifier, const Message *message, Reason *reason)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = sd_bus_call_method(notifier->session, BOARD, BOARD_PATH, BOARD, "Notify", &error,
		&reply, "susssasa{sv}i", "Security improvements", notifier->shown, "security-high",
		message->title, message->text, 0, 1, "urgency", "y",
		(uint8_t)(message->is_urgent ? 2 : 1), -1);

	if (r >= 0)
		r = sd_bus_message_read(reply, "u", &notifier->shown);
	if (r >= 0)
		return 0;
	return error.message
		? reason_set(reason, r, "the desktop shows no notification: %s", error.message)
		: reason_errno(reason, r, "the desktop shows no notification");
}

static int describe(const Notifier *notifier, json_t **ret_status, Reason *reason)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *text;
	int r = sd_bus_call_method(
		notifier->system, AGENT, AGENT_PATH, AGENT, "Describe", &error, &reply, NULL);

	if (r >= 0)
		r = sd_bus_message_read(reply, "s", &text);
	if (r < 0)
		return reason_set(reason, r, "sutured does not answer: %s",
			error.message ? error.message : strerror(-r));
	return document_parse(text, strlen(text), ret_status, reason);
}

/* What could not be shown is told at the next change, or the next log-in. */
static int look(Notifier *notifier, Reason *reason)
{
	_cleanup_json_ json_t *status = NULL;
	int64_t time = time_now();
	Told told, now;
	Message message;
	int r = describe(notifier, &status, reason);

	if (r < 0)
		return r;
	notifier->next = message_next(status, time);
	r = told_read(notifier->memory, &told);
	if (r < 0)
		return reason_errno(reason, r, "cannot read %s", notifier->memory);
	now = message_state(status, time);
	if (r == TOLD_NOTHING) { /* what was there before the first log-in is no news */
		told = now;
		told.warned = 0;
	}
	if (!message_make(status, &told, time, &message))
		return r == 0 && told_equal(&told, &now)
			? 0
			: told_write(notifier->memory, &now, reason);
	r = show(notifier, &message, reason);
	return r < 0 ? r : told_write(notifier->memory, &now, reason);
}

static void look_and_log(Notifier *notifier)
{
	Reason reason = {};
	int r = look(notifier, &reason);

	if (r < 0)
		log_reason(r, &reason);
}

static int on_change(sd_bus_message *signal, void *userdata, sd_bus_error *reterr_error)
{
	look_and_log(userdata);
	return 0;
}

static int open_buses(Notifier *notifier, Reason *reason)
{
	int r = sd_bus_open_system(&notifier->system);

	if (r >= 0)
		r = sd_bus_open_user(&notifier->session);
	if (r >= 0)
		r = sd_bus_match_signal(notifier->system, NULL, AGENT, AGENT_PATH,
			"org.freedesktop.DBus.Properties", "PropertiesChanged", on_change,
			notifier);
	return r < 0 ? reason_errno(reason, r, "cannot reach the system's or the session's bus")
		     : 0;
}

/* Waits for a change, or for the time of the next warning. */
static int wait_for_news(const Notifier *notifier)
{
	return sd_bus_wait(notifier->system, notifier->next > 0 ? PAUSE_US : UINT64_MAX);
}

/* Until one of the buses ends: the session, or the system. */
static int stay(Notifier *notifier, Reason *reason)
{
	for (;;) {
		int r = sd_bus_process(notifier->system, NULL);

		if (r == 0)
			r = wait_for_news(notifier);
		if (notifier->next > 0 && time_now() >= notifier->next) {
			notifier->next = 0;
			look_and_log(notifier);
		}
		if (r < 0 && r != -EINTR)
			return reason_errno(reason, r, "the system bus");
	}
}

static int run(int count, char **operands)
{
	Notifier notifier = {.memory = told_path()};
	Reason reason = {};
	int r = notifier.memory ? open_buses(&notifier, &reason) : -ENOMEM;

	if (r == 0) {
		look_and_log(&notifier); /* where it fails the agent may come yet */
		r = stay(&notifier, &reason);
	}
	sd_bus_unref(notifier.system);
	sd_bus_unref(notifier.session);
	memory_free(notifier.memory);
	return exit_code_of(log_reason(r, &reason));
}

static const Option options[] = {{}};
static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {"suture-notify",
		"tell the person at this desktop what was installed in the background", options,
		verbs, ""};

	return command_main(&command, argc, argv);
}
