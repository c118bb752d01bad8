/* SPDX-License-Identifier: Apache-2.0 */
#include "device/client/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "wire/json/document.h"

#define NAME       "org.suture.Manager1"
#define PATH       "/org/suture/Manager1"
#define ERROR      NAME ".Error."
#define PKTTYAGENT "/usr/bin/pkttyagent"
#define OWNERS                                                                                     \
	"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" NAME "'"
#define READY_FD  3
#define READY_MS  5000                          /* for pkttyagent to be known to polkit */
#define ANSWER_US (10 * 60 * UINT64_C(1000000)) /* a person looks for a password */

static int error_of(const char *name)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = {
		{SD_BUS_ERROR_ACCESS_DENIED, -EACCES},
		{SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, -EACCES},
		{SD_BUS_ERROR_SERVICE_UNKNOWN, -ECONNREFUSED},
		{ERROR "Managed", -EPERM},
		{ERROR "NothingToDo", -ENODATA},
		{ERROR "NotFound", -ENOENT},
		{ERROR "NotVerified", -EKEYREJECTED},
		{ERROR "Busy", -EBUSY},
		{ERROR "Deferred", -EBUSY},
		{ERROR "OnBattery", -EBUSY},
		{ERROR "NoSpace", -ENOSPC},
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].error;
	return -EIO;
}

static int fail(const char *name, const char *text, Reason *reason)
{
	int error = error_of(name);

	return error == -ECONNREFUSED
		? reason_set(reason, error,
			  "sutured is not on the system bus; root can do this without it")
		: reason_set(reason, error, "%s", text);
}

/* It writes nothing and closes the descriptor when polkit knows it. */
static void start_agent(Session *session)
{
	static const char *const words[] = {PKTTYAGENT, "--notify-fd", "3", "--fallback", NULL};
	_cleanup_fd_ int mine = -1, theirs = -1;
	struct pollfd poller = {.events = POLLIN};
	int ends[2];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || pipe2(ends, O_CLOEXEC) < 0)
		return;
	mine = ends[0];
	theirs = ends[1];
	session->agent = (Process){.argv = words,
		.map = {{STDIN_FILENO, STDIN_FILENO}, {theirs, READY_FD}},
		.map_count = 2,
		.ends_with_us = true};
	if (process_start(&session->agent, NULL) < 0)
		return; /* polkit says what it cannot ask */
	theirs = fd_close(theirs);
	poller.fd = mine;
	(void)poll(&poller, 1, READY_MS);
}

static void note_progress(Session *session, const char *phase, uint64_t done, uint64_t total)
{
	if (session->progress_fd >= 0)
		(void)dprintf(session->progress_fd,
			"{\"component\":\"\",\"done\":%llu,\"phase\":\"%s\",\"total\":%llu}\n",
			(unsigned long long)done, phase, (unsigned long long)total);
	if (session->bar && phase[0])
		bar_update(session->bar, phase, "", done, total);
}

static int read_progress(Session *session, sd_bus_message *signal)
{
	const char *name, *phase = "";
	uint64_t total = 0;
	unsigned percent = 0;
	int r = sd_bus_message_skip(signal, "s");

	if (r >= 0)
		r = sd_bus_message_enter_container(signal, 'a', "{sv}");
	while (r >= 0 && sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
		r = sd_bus_message_read(signal, "s", &name);
		if (r >= 0 && strcmp(name, "Phase") == 0)
			r = sd_bus_message_read(signal, "v", "s", &phase);
		else if (r >= 0 && strcmp(name, "Progress") == 0)
			r = sd_bus_message_read(signal, "v", "u", &percent);
		else if (r >= 0 && strcmp(name, "BytesTotal") == 0)
			r = sd_bus_message_read(signal, "v", "t", &total);
		else if (r >= 0)
			r = sd_bus_message_skip(signal, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(signal);
	}
	if (r >= 0 && phase)
		note_progress(session, phase, (uint64_t)((double)total * percent / 100), total);
	return 0;
}

static int on_progress(sd_bus_message *signal, void *userdata, sd_bus_error *reterr_error)
{
	Session *session = userdata;

	return session->job && strcmp(sd_bus_message_get_path(signal), session->job) == 0
		? read_progress(session, signal)
		: 0;
}

/* Where systemd runs, so does a bus; elsewhere the address tells. */
int session_open(Session *session, Reason *reterr_reason)
{
	int r = sd_bus_open_system(&session->bus);

	if (r >= 0)
		r = sd_bus_match_signal(session->bus, NULL, NAME, NULL,
			"org.freedesktop.DBus.Properties", "PropertiesChanged", on_progress,
			session);
	if (r < 0)
		return reason_set(reterr_reason, -EPERM,
			"only root may do this without a system bus; try it with sudo");
	start_agent(session);
	return 0;
}

void session_close(Session *session)
{
	int status;

	if (session->agent.pid > 0) {
		kill(session->agent.pid, SIGTERM);
		(void)process_wait(&session->agent, &status);
	}
	sd_bus_flush_close_unref(session->bus);
	memory_free(session->job);
	*session = (Session){.progress_fd = -1};
}

static int send(Session *session, const char *method, sd_bus_message **ret_reply, Reason *reason,
	const char *types, va_list arguments)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(session->bus, &call, NAME, PATH, NAME, method);

	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(call, true);
	if (r >= 0 && types)
		r = sd_bus_message_appendv(call, types, arguments);
	if (r < 0)
		return reason_errno(reason, r, "cannot ask sutured");
	r = sd_bus_call(session->bus, call, ANSWER_US, &error, ret_reply);
	return r >= 0        ? 0
		: error.name ? fail(error.name, error.message, reason)
			     : reason_errno(reason, r, "sutured does not answer");
}

int session_call(Session *session, const char *method, sd_bus_message **ret_reply,
	Reason *reterr_reason, const char *types, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, types);
	r = send(session, method, ret_reply, reterr_reason, types, arguments);
	va_end(arguments);
	return r;
}

/* How a job ended. */
typedef struct End {
	Session *session;
	sd_bus_message *signal; /* NULL: it has not */
	const char *agent;      /* which sutured has the job */
	bool is_lost;           /* that one is gone */
} End;

static void end_done(End *end)
{
	sd_bus_message_unref(end->signal);
}

/* None of another job counts. What came with the reply is looked at when the job's name is known.
 */
static int on_removed(sd_bus_message *signal, void *userdata, sd_bus_error *reterr_error)
{
	End *end = userdata;
	const char *path;

	if (end->session->job && sd_bus_message_skip(signal, "t") >= 0 &&
		sd_bus_message_read(signal, "o", &path) > 0 && strcmp(path, end->session->job) == 0)
		end->signal = sd_bus_message_ref(signal);
	return 0;
}

/* Another one may have gone before the call, which started this one. */
static int on_owner(sd_bus_message *signal, void *userdata, sd_bus_error *reterr_error)
{
	End *end = userdata;
	const char *old;

	if (end->agent && sd_bus_message_skip(signal, "s") >= 0 &&
		sd_bus_message_read(signal, "s", &old) > 0 && strcmp(old, end->agent) == 0)
		end->is_lost = true;
	return 0;
}

static int wait_for(const End *end, Reason *reason)
{
	int r = 1;

	while (!end->signal && !end->is_lost && r >= 0) {
		r = sd_bus_process(end->session->bus, NULL);
		if (r == 0)
			r = sd_bus_wait(end->session->bus, UINT64_MAX);
		if (r == -EINTR)
			r = 0;
	}
	return end->signal ? 0
			   : reason_set(reason, -ECONNRESET,
				     "sutured went away; 'suture status' shows what became of it");
}

static int read_end(sd_bus_message *signal, json_t **ret_report, Reason *reason)
{
	_cleanup_json_ json_t *json = NULL;
	const char *result, *error, *text, *report;
	char name[128];
	int r = sd_bus_message_read(signal, "ssss", &result, &error, &text, &report);

	if (r < 0)
		return reason_errno(reason, r, "sutured's answer is not understood");
	if (strcmp(result, "canceled") == 0)
		return reason_set(reason, -EINTR, "it was called off");
	if (report[0] && document_parse(report, strlen(report), &json, reason) < 0)
		return -EBADMSG;
	if (error[0]) {
		snprintf(name, sizeof(name), ERROR "%s", error);
		return fail(name, text, reason);
	}
	*ret_report = TAKE_PTR(json);
	return 0;
}

int session_work(Session *session, const char *method, json_t **ret_report, Reason *reterr_reason,
	const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *ends = NULL, *owners = NULL;
	_cleanup_(end_done) End end = {.session = session};
	const char *path;
	va_list arguments;
	int r = sd_bus_match_signal(
		session->bus, &ends, NAME, PATH, NAME, "JobRemoved", on_removed, &end);

	if (r >= 0)
		r = sd_bus_add_match(session->bus, &owners, OWNERS, on_owner, &end);
	if (r < 0)
		return reason_errno(reterr_reason, r, "cannot listen to sutured");
	va_start(arguments, types);
	r = send(session, method, &reply, reterr_reason, types, arguments);
	va_end(arguments);
	if (r < 0)
		return r;
	if (sd_bus_message_skip(reply, "t") < 0 || sd_bus_message_read(reply, "o", &path) < 0)
		return reason_set(reterr_reason, -EBADMSG, "sutured's answer is not understood");
	session->job = memory_string(path);
	end.agent = sd_bus_message_get_sender(reply);
	if (!session->job)
		return -ENOMEM;
	r = wait_for(&end, reterr_reason);
	return r < 0 ? r : read_end(end.signal, ret_report, reterr_reason);
}
