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
#include "wire/json/document.h"

static const char *arg_root = "/";
static const char *arg_bus;
static bool arg_once;

static void tell_installed(const Manager *manager, const Outcome *outcome)
{
	char label[LABEL_TEXT_SIZE];

	label_shown(manager->identity.version_id, outcome->sequence, label);
	if (outcome->grafted)
		log_info("installed %s: %" PRIu64 " bytes downloaded, switched in %" PRIu64
			 " microseconds",
			label, outcome->stage.payload_bytes, outcome->switch_us);
	else
		log_info("%s is staged and becomes active at the next restart", label);
}

static int install(Manager *manager, Outcome *outcome, Reason *reason)
{
	int r = manager_install(manager, &(InstallRequest){}, outcome, reason);

	if (r == 0)
		tell_installed(manager, outcome);
	return r;
}

static int download(Manager *manager, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];
	uint64_t sequence;
	int r = manager_download(manager, &sequence, reason);

	if (r < 0)
		return r;
	label_shown(manager->identity.version_id, sequence, label);
	log_info("%s is downloaded; 'suture install' installs it", label);
	return 0;
}

/* No improvement will say so: there is none any more. */
static void tell_support(const Manager *manager)
{
	Reason text = {};

	if (manager_support(manager, &text) == SUPPORT_ENDED)
		log_info("%s", text.text);
}

static int act(Manager *manager, Outcome *outcome, Reason *reason)
{
	StageResult checked;
	int r = manager_need_config(manager, reason);

	if (r < 0)
		return r;
	switch (manager->config.automatic) {
	case AUTOMATIC_INSTALL: return install(manager, outcome, reason);
	case AUTOMATIC_DOWNLOAD: return download(manager, reason);
	default: return manager_check(manager, &checked, reason);
	}
}

static void tell_mended(const char *text)
{
	log_info("%s", text);
}

/* First what is not right: what is offered depends on what is there. A failure of it must not keep
 * a newer improvement out, which may mend it. */
static int repair_and_act(Manager *manager, Outcome *outcome, Reason *reason)
{
	Reason why = {};
	int repaired = manager_put_right(manager, tell_mended, outcome, &why);
	int r = act(manager, outcome, reason);

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
static int obey(Manager *manager, int r, Outcome *outcome, Reason *reason)
{
	Reason why = {};
	int obeyed = manager_obey_withdrawal(manager, outcome, &why);

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

static void tell_impact(const Outcome *outcome)
{
	const Impact *impact = &outcome->impact;
	const json_t *units = json_object_get(impact->report, "units");

	if (!impact->is_known)
		return;
	log_info("%zu processes ran %s, and %zu still do", impact->exposed,
		outcome->grafted ? "replaced code" : "what was taken off", impact->left);
	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);
		const char *name = document_text(unit, "unit"),
			   *advice = document_text(unit, "advice");

		if (name[0] && advice[0] && !document_text(unit, "result")[0])
			log_info("%s still runs it: %s", name, advice);
	}
}

/* Also a trial that somebody else began and did not come to watch. */
static void watch_trial(const Manager *manager)
{
	Reason reason = {};
	int r = manager_watch_trial(manager, &reason);

	if (r < 0)
		log_reason(r, &reason);
}

static void look_after_services(Manager *manager, Outcome *outcome)
{
	manager_look_after_services(manager, outcome);
	tell_impact(outcome);
	if (outcome->problem.text[0])
		log_error("%s", outcome->problem.text);
	watch_trial(manager);
}

/* They stop nothing, so nobody else would say so. */
static void tell_mistakes(const Policy *policy)
{
	for (size_t i = 0; i < policy->mistake_count; i++)
		log_error("%s", policy->mistakes[i].text);
}

/* One round. What has to wait, and what there is not, is no failure of the agent. */
static int run_round(int signals, int *ret_interval, Reason *reason)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_(outcome_done) Outcome outcome = {};
	int r = manager_open(arg_root, &manager, reason);

	if (r < 0)
		return r;
	tell_mistakes(manager.policy);
	*ret_interval = manager.config.interval;
	manager.stop_fd = signals;
	manager.bus = arg_bus;
	r = manager_lock(&manager, reason);
	if (r == 0)
		r = manager_load(&manager);
	if (r < 0)
		return r;
	r = repair_and_act(&manager, &outcome, reason);
	if (r != -EINTR)
		r = obey(&manager, r, &outcome, reason);
	look_after_services(&manager, &outcome);
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
	_cleanup_(outcome_done) Outcome outcome = {};
	int r = manager_lock(manager, reason);

	if (r == -EBUSY)
		*reason = (Reason){}; /* whoever changes the mounts just now: not worth a line */
	if (r == 0)
		r = manager_load(manager);
	if (r == 0)
		r = manager_repair(manager, &outcome, reason);
	if (r > 0)
		look_after_services(manager, &outcome);
	return r;
}

/* After something was mounted or unmounted: makes right what that did to the grafts. What does not
 * work is told when it is not what was told last. */
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
