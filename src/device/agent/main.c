/* SPDX-License-Identifier: Apache-2.0 */
/* sutured: the agent. Checks, installs by the owner's policy, and obeys withdrawals; once, or in a
 * loop in the foreground. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "crypto/start.h"
#include "device/agent/schedule.h"
#include "device/agent/watch.h"
#include "device/manager/manager.h"
#include "wire/improvement/label.h"

static const char *arg_root = "/";
static const char *arg_bus;
static bool arg_once;

static void tell_installed(const Manager *manager, const InstallResult *result)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, result->sequence, label);
	if (result->grafted)
		log_info("installed %s: %" PRIu64 " bytes downloaded, switched in %" PRIu64
			 " microseconds",
			label, result->stage.payload_bytes, result->switch_us);
	else if (manager->config.automatic == AUTOMATIC_DOWNLOAD)
		log_info("%s is downloaded; 'suture install' installs it", label);
	else
		log_info("%s is staged and becomes active at the next restart", label);
}

/* No improvement will say so: there is none any more. */
static void tell_support(const Manager *manager)
{
	Reason text = {};

	if (manager_support(manager, &text) == SUPPORT_ENDED)
		log_info("%s", text.text);
}

/* *result is untouched where nothing was installed. */
static int act(Manager *manager, InstallResult *result, Reason *reason)
{
	StageResult checked;
	int r = manager_need_config(manager, reason);

	if (r < 0)
		return r;
	if (manager->config.automatic == AUTOMATIC_OFF)
		return manager_check(manager, &checked, reason);
	r = manager->config.automatic == AUTOMATIC_INSTALL
		? manager_install(manager, &(InstallRequest){}, result, reason)
		: manager_download(manager, result, reason);
	if (r == 0)
		tell_installed(manager, result);
	return r;
}

/* First what an interrupted switch left behind: what is offered depends on what is there. A failure
 * of it must not keep a newer improvement out, which may mend it. */
static int repair_and_act(Manager *manager, InstallResult *result, Reason *reason)
{
	Reason why = {};
	int r, repaired = manager_take_off_damaged(manager, &why);

	if (repaired > 0)
		log_info("%s", why.text);
	if (repaired >= 0)
		repaired = manager_repair(manager, result, &why);
	if (repaired > 0)
		log_info("%s", why.text);
	r = act(manager, result, reason);
	tell_support(manager);
	if (r == 0 && repaired < 0)
		log_reason(repaired, &why);
	if (r != -ENODATA || repaired == 0)
		return r;
	if (repaired < 0)
		*reason = why;
	return repaired < 0 ? repaired : 0;
}

/* Whatever became of the rest: what the index that was just verified withdraws has to go. */
static int obey(Manager *manager, int r, Reason *reason)
{
	Reason why = {};
	int obeyed = manager_obey_withdrawal(manager, &why);

	if (obeyed > 0)
		log_info("%s", why.text);
	if (obeyed > 0 && r == -ENODATA)
		return 0;
	if (obeyed >= 0)
		return r;
	if (r < 0 && r != -ENODATA && r != -EBUSY && strcmp(reason->text, why.text) != 0)
		log_reason(r, reason);
	*reason = why;
	return obeyed;
}

static void look_after_services(Manager *manager, InstallResult *result)
{
	manager_look_after_services(manager, result);
	if (result->impact.is_known)
		log_info("%zu processes ran replaced code, and %zu still do",
			result->impact.exposed, result->impact.left);
	if (result->problem.text[0])
		log_error("%s", result->problem.text);
}

/* One round. What has to wait, and what there is not, is no failure of the agent. */
/* Also one that somebody else began and did not come to watch. */
static void watch_trial(const Manager *manager)
{
	Reason reason = {};
	int r = manager_watch_trial(manager, &reason);

	if (r < 0)
		log_reason(r, &reason);
}

static int run_round(int signals, int *ret_interval, Reason *reason)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_(install_result_done) InstallResult result = {};
	int r = manager_open(arg_root, &manager, reason);

	if (r < 0)
		return r;
	if (manager.config_error == 0)
		*ret_interval = manager.config.interval;
	manager.stop_fd = signals;
	manager.bus = arg_bus;
	r = manager_lock(&manager, reason);
	if (r == 0)
		r = manager_load(&manager);
	if (r < 0)
		return r;
	r = repair_and_act(&manager, &result, reason);
	if (r != -EINTR)
		r = obey(&manager, r, reason);
	look_after_services(&manager, &result);
	watch_trial(&manager);
	return r;
}

static int report(int r, const Reason *reason)
{
	if (r == -EINTR)
		return EXIT_OK; /* asked to end */
	if (r == -ENODATA) {
		log_info("%s", reason->text);
		return EXIT_NOTHING_TO_DO;
	}
	return r < 0 ? (int)exit_code_of(log_reason(r, reason)) : EXIT_OK;
}

/* What there is not, and what has to wait, needs no other rhythm. */
static bool is_failure(int r)
{
	return r < 0 && r != -ENODATA && r != -EBUSY;
}

static int mend(Manager *manager, Reason *reason)
{
	InstallResult result;
	int r = manager_lock(manager, reason);

	if (r == -EBUSY)
		*reason = (Reason){}; /* whoever changes the mounts just now: not worth a line */
	if (r == 0)
		r = manager_load(manager);
	if (r == 0)
		r = manager_repair(manager, &result, reason);
	if (r > 0)
		watch_trial(manager);
	return r;
}

/* After something was mounted or unmounted: makes right what that did to the grafts. What does not
 * work is told when it is not what was told last. */
static bool look_after_mounts(Reason *told)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	Reason reason = {};
	int r = manager_open(arg_root, &manager, &reason);

	if (r == 0)
		r = manager_differs(&manager, &reason);
	if (r > 0)
		r = mend(&manager, &reason);
	if (r > 0)
		log_info("%s", reason.text);
	if (r < 0 && reason.text[0] && strcmp(reason.text, told->text) != 0)
		log_reason(r, &reason);
	*told = r < 0 ? reason : (Reason){};
	return r >= 0;
}

/* Whether there is to be another round. */
static bool wait_for(Watch *watch, int signals, int seconds)
{
	uint64_t end = watch_now() + (uint64_t)seconds * 1000;
	WatchEvent event;
	Reason told = {};

	while ((event = watch_wait(watch, signals, end)) == WATCH_MOUNTS)
		watch_tried(watch, look_after_mounts(&told));
	return event == WATCH_TIME;
}

static int loop(Watch *watch, int signals)
{
	int interval = 3600; /* until a configuration was read once */
	unsigned failures = 0;

	do {
		Reason reason = {};
		int r = run_round(signals, &interval, &reason);

		(void)report(r, &reason);
		failures = is_failure(r) ? failures + 1 : 0;
	} while (wait_for(watch, signals, schedule_next(interval, failures, backoff_random())));
	return EXIT_OK;
}

static int run(int count, char **operands)
{
	_cleanup_watch_ Watch watch = {.mountinfo = -1};
	_cleanup_fd_ int signals = -1;
	Reason reason = {};
	int interval, r;
	sigset_t set;

	if (geteuid() != 0) {
		log_error("only root may do this");
		return EXIT_NOT_AUTHORISED;
	}
	if (arg_once)
		return report(run_round(-1, &interval, &reason), &reason);
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
	{"once", NULL, "one round, then end", OPTION_FLAG, &arg_once},
	{},
};

static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {"sutured",
		"check for background security improvements and install them", options, verbs, ""};

	umask(022);
	crypto_start_alone();
	return command_main(&command, argc, argv);
}
