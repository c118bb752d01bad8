/* SPDX-License-Identifier: Apache-2.0 */
/* suture-client: what `suture` becomes for somebody who is not root: the same verbs, done by the
 * agent, which asks polkit. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/style.h"
#include "base/time.h"
#include "device/client/session.h"
#include "device/ctl/automatic.h"
#include "device/ctl/check-screen.h"
#include "device/ctl/installation.h"
#include "device/ctl/postpone.h"
#include "device/ctl/removal.h"
#include "device/ctl/screen.h"
#include "device/ctl/status-screen.h"
#include "device/ctl/text.h"
#include "device/policy/amount.h"
#include "device/policy/config.h"
#include "wire/json/document.h"

#define FLAG_RESTART    UINT64_C(1)
#define FLAG_METERED    UINT64_C(2) /* whoever types the command means it */
#define USEC_PER_SECOND UINT64_C(1000000)

static bool arg_json, arg_dry_run, arg_download_only, arg_restart, arg_clear, arg_quiet, arg_all;
static const char *arg_from, *arg_root, *arg_progress;
static int arg_sequence, arg_progress_fd = -1;

static int fail(int error, const Reason *reason)
{
	log_reason(error, reason);
	if (arg_json) {
		_cleanup_json_ json_t *json = screen_error(error, reason);

		(void)screen_print_json(json);
	}
	return exit_code_of(error);
}

static int open_session(Session *session, Bar *bar, Reason *reason)
{
	int r = session_open(session, reason);

	session->progress_fd = arg_progress_fd;
	if (!arg_json && !arg_quiet && (!arg_progress || strcmp(arg_progress, "none") != 0)) {
		bar_start(bar);
		session->bar = bar;
	}
	return r;
}

static int show(const json_t *json, void (*print)(const json_t *json))
{
	if (!json)
		return EXIT_FAILED;
	if (arg_json)
		return exit_code_of(screen_print_json(json));
	if (!arg_quiet)
		print(json);
	return EXIT_OK;
}

static int verb_status(int count, char **operands)
{
	_cleanup_session_ Session session = {.progress_fd = -1};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_json_ json_t *status = NULL;
	const char *text = "";
	Reason reason = {};
	int r = session_open(&session, &reason);

	if (r == 0)
		r = session_call(&session, "Describe", &reply, &reason, NULL);
	if (r == 0 && sd_bus_message_read(reply, "s", &text) < 0)
		r = -EBADMSG;
	if (r == 0)
		r = document_parse(text, strlen(text), &status, &reason);
	if (r < 0)
		return fail(r, &reason);
	return show(status, arg_all ? status_screen_print_all : status_screen_print);
}

static int verb_check(int count, char **operands)
{
	_cleanup_session_ Session session = {.progress_fd = -1};
	_cleanup_json_ json_t *check = NULL;
	Reason reason = {};
	Bar bar = {};
	int code, r = open_session(&session, &bar, &reason);

	if (r == 0)
		r = session_work(&session, "Check", &check, &reason, "t", UINT64_C(0));
	if (r < 0)
		return fail(r, &reason);
	code = show(check, check_screen_print);
	return code != EXIT_OK || check_screen_is_available(check) ? code : EXIT_NOTHING_TO_DO;
}

/* Who can open the bundle need not be known to those who read it. */
static int install_from(Session *session, json_t **ret_report, Reason *reason)
{
	_cleanup_fd_ int fd = open(arg_from, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return reason_errno(reason, -errno, "cannot open %s", arg_from);
	return session_work(session, "InstallFile", ret_report, reason, "ha{sv}", fd, 0);
}

static int install(Session *session, json_t **ret_report, Reason *reason)
{
	uint64_t flags = FLAG_METERED | (arg_restart ? FLAG_RESTART : 0);

	if (arg_from)
		return install_from(session, ret_report, reason);
	if (arg_dry_run)
		return session_work(session, "Preview", ret_report, reason, "s", "install");
	if (arg_download_only)
		return session_work(session, "Acquire", ret_report, reason, "t", flags);
	return session_work(
		session, "Install", ret_report, reason, "tt", (uint64_t)arg_sequence, flags);
}

static int verb_install(int count, char **operands)
{
	_cleanup_session_ Session session = {.progress_fd = -1};
	_cleanup_json_ json_t *report = NULL;
	Reason reason = {};
	Bar bar = {};
	int r = open_session(&session, &bar, &reason);

	if (r == 0)
		r = install(&session, &report, &reason);
	bar_end(&bar);
	return r < 0 ? fail(r, &reason) : show(report, installation_print);
}

static int verb_remove(int count, char **operands)
{
	_cleanup_session_ Session session = {.progress_fd = -1};
	_cleanup_json_ json_t *report = NULL;
	Reason reason = {};
	Bar bar = {};
	int r = open_session(&session, &bar, &reason);

	if (r == 0)
		r = arg_dry_run
			? session_work(&session, "Preview", &report, &reason, "s", "remove")
			: session_work(&session, "Remove", &report, &reason, "t", UINT64_C(0));
	bar_end(&bar);
	return r < 0 ? fail(r, &reason) : show(report, removal_print);
}

static int verb_automatic(int count, char **operands)
{
	_cleanup_session_ Session session = {.progress_fd = -1};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_json_ json_t *automatic = NULL;
	Reason reason = {};
	int r = session_open(&session, &reason);

	if (r == 0)
		r = session_call(&session, "SetAutomaticMode", &reply, &reason, "s", operands[0]);
	if (r < 0)
		return fail(r, &reason);
	automatic =
		json_pack("{s:i, s:s, s:b}", "schema", 1, "automatic", operands[0], "changed", 1);
	return show(automatic, automatic_print);
}

static int verb_postpone(int count, char **operands)
{
	_cleanup_session_ Session session = {.progress_fd = -1};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	uint64_t until = 0, granted = 0;
	char text[TIME_TEXT_SIZE];
	Reason reason = {};
	uint64_t seconds = 0;
	int r = 0;

	if (count > 0 && amount_duration(operands[0], CONFIG_POSTPONE_MAX, &seconds) < 0) {
		log_error("not a duration, such as 8h or 2d: %s", operands[0]);
		return EXIT_USAGE;
	}
	if (count > 0)
		until = ((uint64_t)time_now() + seconds) * USEC_PER_SECOND;
	r = session_open(&session, &reason);
	if (r == 0)
		r = session_call(&session, "Postpone", &reply, &reason, "t", until);
	if (r == 0 && sd_bus_message_read(reply, "t", &granted) < 0)
		r = -EBADMSG;
	if (r < 0)
		return fail(r, &reason);
	time_format((int64_t)(granted / USEC_PER_SECOND), text);
	if (arg_json)
		printf("{\"schema\":1,\"until\":%s%s%s}\n", granted ? "\"" : "",
			granted ? text : "null", granted ? "\"" : "");
	else
		printf("%s%s\n", granted ? "Postponed until " : "Nothing is postponed.",
			granted ? text : "");
	return EXIT_OK;
}

static const Option options[] = {
	{"root", "DIR", "only /: the agent is the machine's", OPTION_TEXT, &arg_root},
	{"from", "PATH", "install: from this bundle", OPTION_TEXT, &arg_from},
	{"clear", NULL, "postpone: no longer", OPTION_FLAG, &arg_clear},
	{"dry-run", NULL, "install, remove: only tell what would happen", OPTION_FLAG,
		&arg_dry_run},
	{"download-only", NULL, "install: download and verify, and graft nothing", OPTION_FLAG,
		&arg_download_only},
	{"restart", NULL, "install: restart the machine where it takes that", OPTION_FLAG,
		&arg_restart},
	{"sequence", "N", "install: this one, which may be older", OPTION_NUMBER, &arg_sequence},
	{"json", NULL, "print JSON", OPTION_FLAG, &arg_json},
	{"progress", "HOW", "auto, plain, json or none", OPTION_TEXT, &arg_progress},
	{"progress-fd", "N", "write progress to descriptor N, as JSON lines", OPTION_NUMBER,
		&arg_progress_fd},
	{"q", NULL, "print no progress and no result", OPTION_FLAG, &arg_quiet},
	{"v", NULL, "status: with every image and graft", OPTION_FLAG, &arg_all},
	{},
};

static const Verb verbs[] = {
	{"status", "", "show the base, what is applied, and what is offered", 0, 0, verb_status},
	{"check", "", "ask the repository for improvements", 0, 0, verb_check},
	{"install", "", "install what is offered", 0, 0, verb_install},
	{"remove", "", "take all improvements off, back to the base", 0, 0, verb_remove},
	{"automatic", "install|download|off", "set what happens by itself", 1, 1, verb_automatic},
	{"postpone", "[DURATION]", "put off what happens by itself", 0, 1, verb_postpone},
	{},
};

int main(int argc, char **argv)
{
	static const Command command = {"suture",
		"background security improvements of this machine, by its agent", options, verbs,
		"status"};

	text_open();
	style_open();
	return command_main(&command, argc, argv);
}
