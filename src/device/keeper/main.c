/* SPDX-License-Identifier: Apache-2.0 */
/* suture-keeper: sees to it that what is mounted is what the store says. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "crypto/start.h"
#include "device/facts/facts.h"
#include "device/keeper/watch.h"
#include "device/manager/manager.h"

static const char *arg_root = "/";
static const char *arg_bus;

/* Also a trial that somebody else began and did not come to watch. */
static void watch_trial(const Manager *manager)
{
	Reason reason = {};
	int r = manager_watch_trial(manager, &reason);

	if (r < 0)
		log_reason(r, &reason);
}

static int mend(Manager *manager, Reason *reason)
{
	_cleanup_(outcome_done) Outcome outcome = {};
	int r = manager_lock(manager, reason);

	if (r == -EBUSY)
		*reason = (Reason){}; /* whoever changes the mounts just now: not worth a line */
	if (r == 0)
		r = manager_load(manager);
	if (r == 0)
		r = manager_repair(manager, &outcome, reason);
	if (r <= 0)
		return r;
	manager_look_after_services(manager, &outcome);
	if (outcome.problem.text[0])
		log_error("%s", outcome.problem.text);
	return r;
}

/* What the rest of the system sees of it. */
static void tell_system(void)
{
	Reason reason = {};
	int r = facts_refresh(arg_root, NULL, &reason);

	if (r < 0)
		log_reason(r, &reason);
}

/* What does not work is told when it is not what was told last. */
static bool look_after_mounts(Reason *told)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	Reason reason = {};
	int r = manager_open(arg_root, &manager, &reason);

	manager.bus = arg_bus;
	if (r == 0)
		r = manager_differs(&manager, &reason);
	if (r > 0)
		r = mend(&manager, &reason);
	if (r >= 0)
		watch_trial(&manager);
	if (r > 0) {
		log_info("%s", reason.text);
		tell_system();
	}
	if (r < 0 && reason.text[0] && strcmp(reason.text, told->text) != 0)
		log_reason(r, &reason);
	*told = r < 0 ? reason : (Reason){};
	return r >= 0;
}

static int loop(Watch *watch, int signals)
{
	Reason told = {};

	tell_system(); /* a boot forgets all of it */
	do
		watch_tried(watch, look_after_mounts(&told));
	while (watch_wait(watch, signals, UINT64_MAX) == WATCH_MOUNTS);
	return EXIT_OK;
}

static int run(int count, char **operands)
{
	_cleanup_watch_ Watch watch = {.mountinfo = -1};
	_cleanup_fd_ int signals = -1;
	Reason reason = {};
	sigset_t set;
	int r;

	if (geteuid() != 0) {
		log_error("only root may do this");
		return EXIT_NOT_AUTHORISED;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	r = signals < 0 ? reason_errno(&reason, -errno, "signalfd") : watch_open(&watch, &reason);
	return r < 0 ? (int)exit_code_of(log_reason(r, &reason)) : loop(&watch, signals);
}

static const Option options[] = {
	{"root", "DIR", "put every path below DIR", OPTION_TEXT, &arg_root},
	{"bus", "ADDRESS", "speak to the service manager here, not at systemd's own socket",
		OPTION_TEXT, &arg_bus},
	{},
};

static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {"suture-keeper",
		"keep what is grafted as it is selected, whatever other programs mount", options,
		verbs, ""};

	umask(022);
	crypto_start_alone();
	return command_main(&command, argc, argv);
}
