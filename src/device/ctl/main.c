/* SPDX-License-Identifier: Apache-2.0 */
/* suture: the owner's command. */
#include <errno.h>
#include <inttypes.h>
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
#include "base/bar.h"
#include "base/process.h"
#include "base/style.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/start.h"
#include "device/ctl/advisories-screen.h"
#include "device/ctl/automatic.h"
#include "device/ctl/check-screen.h"
#include "device/ctl/diagnosis.h"
#include "device/ctl/exposure-screen.h"
#include "device/ctl/facts-screen.h"
#include "device/ctl/files.h"
#include "device/ctl/history-screen.h"
#include "device/ctl/installation.h"
#include "device/ctl/journal.h"
#include "device/ctl/maintenance.h"
#include "device/ctl/policy-screen.h"
#include "device/ctl/postpone.h"
#include "device/ctl/progress.h"
#include "device/ctl/readiness.h"
#include "device/ctl/machine-vex.h"
#include "device/ctl/removal.h"
#include "device/ctl/screen.h"
#include "device/ctl/status-screen.h"
#include "device/ctl/text.h"
#include "device/facts/facts.h"
#include "device/manager/status.h"
#include "device/policy/amount.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

static char **own_words;
static const char *arg_root = "/";
static bool arg_json;
static int arg_progress_fd = -1;
static const char *arg_from, *arg_cve, *arg_bus, *arg_format;
static bool arg_clear, arg_digests, arg_dry_run, arg_restart, arg_download_only, arg_background;
static bool arg_quiet, arg_all, arg_ready, arg_follow;
static int arg_sequence, arg_limit;
static const char *arg_progress, *arg_since;
static bool took_charge; /* so that something may have changed */

static int fail(int error, const Reason *reason)
{
	static const Reason interrupted = {"interrupted; what was downloaded is kept"};

	if (error == -EINTR && !reason->text[0])
		reason = &interrupted;
	log_reason(error, reason);
	if (arg_json) {
		json_t *json = screen_error(error, reason);

		(void)screen_print_json(json);
		json_decref(json);
	}
	return exit_code_of(error);
}

/* Takes the reference. */
static int show(json_t *json, void (*print)(const json_t *json))
{
	int r = 0;

	if (!json)
		r = -ENOMEM;
	else if (arg_json)
		r = screen_print_json(json);
	else if (!arg_quiet)
		print(json);
	json_decref(json);
	return exit_code_of(r);
}

/* Opens the manager with the kept index, for verbs that only look. */
static int look(Manager *manager, Reason *reason)
{
	int r = manager_open(arg_root, manager, reason);

	if (r == 0)
		manager->bus = arg_bus;
	if (r == 0 && arg_from)
		r = manager_ask_path(manager, arg_from, reason);
	return r < 0 ? r : manager_load(manager);
}

/* SIGTERM and SIGINT end a download, and nothing else: what changes mounts goes on to its end. The
 * descriptor, or a negative errno. */
static int catch_end(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Somebody who is not root asks the agent instead, by a program in this one's place; where that is
 * not there, or this is about another root, only root will do. */
static int refuse_or_ask_agent(const char *what, Reason *reason)
{
	_cleanup_free_ char *path = NULL;

	if (own_words && strcmp(arg_root, "/") == 0 &&
		process_find_helper("suture-client", &path, NULL) == 0 && path)
		execv(path, own_words);
	return reason_set(reason, -EPERM, "only root %s; try it with sudo", what);
}

/* Opens it for verbs that change something: root, and alone. `lock` says how to become alone. */
static int take_charge(Manager *manager, Bar *bar,
	int (*lock)(Manager *manager, Reason *reterr_reason), Reason *reason)
{
	const ProgressWish wish = {arg_progress, arg_progress_fd, arg_json, arg_quiet};
	int r;

	if (geteuid() != 0)
		return refuse_or_ask_agent("may do this", reason);
	signal(SIGPIPE, SIG_IGN); /* whoever watched the progress may go away */
	r = look(manager, reason);
	if (r == 0)
		r = lock(manager, reason);
	if (r < 0)
		return r;
	took_charge = true;
	manager->stop_fd = catch_end();
	manager->background = arg_background;
	return progress_start(&wish, manager, bar, reason);
}

/* Takes the reference. */
static int show_readiness(json_t *readiness)
{
	bool is_ready = readiness_is_ready(readiness);
	int code = show(readiness, readiness_print);

	return code != EXIT_OK || is_ready ? code : EXIT_DEFERRED;
}

static int verb_status(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_free_ char *activation = NULL;
	Reason reason = {};
	json_t *status;
	int r = look(&manager, &reason);

	if (r == -ENOENT && arg_ready)
		return show_readiness(readiness_of_no_base(&reason));
	if (r == 0 && geteuid() != 0 && arg_ready)
		r = reason_set(
			&reason, -EPERM, "only root can see all that matters; try it with sudo");
	else if (r == 0 && geteuid() != 0)
		r = refuse_or_ask_agent("can see what is grafted", &reason);
	if (r == 0)
		r = arg_ready ? worker_status(arg_root, &activation, &reason)
			      : status_make(&manager, &status, &reason);
	if (r < 0)
		return fail(r, &reason);
	return arg_ready ? show_readiness(readiness_describe(&manager, activation))
			 : show(status, arg_all ? status_screen_print_all : status_screen_print);
}

static int verb_check(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	StageResult result;
	Reason reason = {};
	Offer offer;
	Bar bar = {};
	int code, r = take_charge(&manager, &bar, manager_lock, &reason);

	if (r == 0)
		r = manager_check(&manager, &result, &reason);
	bar_end(&bar);
	if (r == 0)
		r = manager_offer(&manager, false, &offer, &reason);
	if (r < 0)
		return fail(r, &reason);
	code = show(json_pack("{s:i, s:b, s:I, s:I, s:o, s:o, s:s*}", "schema", 1, "changed",
			    result.changed, "requests", (json_int_t)result.requests, "wire_bytes",
			    (json_int_t)result.wire_bytes, "offer", status_offer(&manager, &offer),
			    "support", status_support(&manager), "notes_problem",
			    manager.checked.notes),
		check_screen_print);
	if (code != EXIT_OK)
		return code;
	return offer.improvement && offer.state == OFFER_AVAILABLE ? EXIT_OK : EXIT_NOTHING_TO_DO;
}

static void tell_problem(const Outcome *outcome)
{
	if (outcome->problem.text[0])
		log_error("%s", outcome->problem.text);
}

static void tell_mended(const char *text)
{
	log_info("%s", text);
}

/* What had to be mended is an installation, too: there is nothing newer, and what was selected is
 * on now. */
static int repair_and_install(Manager *manager, Outcome *outcome, Reason *reason)
{
	const InstallRequest request = {.by_hand = true, .sequence = (uint64_t)arg_sequence};
	Reason why = {};
	int repaired = manager_put_right(manager, tell_mended, outcome, &why);
	int r = manager_install(manager, &request, outcome, reason);

	if (r != -ENODATA || (repaired >= 0 && outcome->sequence == 0))
		return r;
	if (repaired < 0)
		*reason = why;
	return repaired < 0 ? repaired : 0;
}

/* Where no agent runs, and no network is, this is when the vendor's word gets here. */
static int install_and_obey(Manager *manager, Outcome *outcome, Reason *reason)
{
	int r = repair_and_install(manager, outcome, reason);
	Reason why = {};
	int obeyed = manager_obey_withdrawal(manager, outcome, &why);

	if (obeyed > 0)
		log_info("%s", why.text);
	if (obeyed < 0 && r >= 0) {
		*reason = why;
		return obeyed;
	}
	return obeyed > 0 && r == -ENODATA ? 0 : r;
}

/* What is only staged is on after a restart. That nothing was new is no reason not to. */
static int restart_machine(
	Manager *manager, int installed, Outcome *result, char **ret_way, Reason *reason)
{
	Reason why = {};
	int r;

	if (!arg_restart || (installed < 0 && installed != -ENODATA))
		return installed;
	r = manager_restart_machine(manager, ret_way, &why);
	if (r == -ENODATA)
		return installed;
	if (r == 0 && installed < 0)
		r = manager_installed(manager, &result->stage.generation, &result->sequence, &why);
	if (r < 0)
		*reason = why;
	return r;
}

/* A terminal that goes away must not leave a trial that nobody watches. */
static void look_after_services(Manager *manager, Outcome *outcome)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	manager_look_after_services(manager, outcome);
}

static int verb_install(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_(outcome_done) Outcome outcome = {};
	const InstallRequest request = {.by_hand = true, .sequence = (uint64_t)arg_sequence};
	_cleanup_free_ char *way = NULL;
	Reason reason = {};
	Bar bar = {};
	int r = take_charge(&manager, &bar, manager_lock, &reason);

	if (r == 0 && arg_dry_run)
		r = manager_preview(&manager, &request, &outcome, &reason);
	else if (r == 0 && arg_download_only)
		r = manager_download(&manager, &request, &outcome.sequence, &reason);
	else if (r == 0) {
		r = install_and_obey(&manager, &outcome, &reason);
		look_after_services(&manager, &outcome);
		r = restart_machine(&manager, r, &outcome, &way, &reason);
	}
	bar_end(&bar);
	tell_problem(&outcome);
	if (r < 0)
		return fail(r, &reason);
	return show(installation_json(&manager, &outcome, arg_dry_run, way), installation_print);
}

/* They stop nothing, so nobody else would say so. */
static void tell_mistakes(const Policy *policy)
{
	for (size_t i = 0; i < policy->mistake_count; i++)
		log_error("%s", policy->mistakes[i].text);
}

static int verb_maintain(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_(outcome_done) Outcome outcome = {};
	int most = count == 0 ? 0 : text_index(maintenance_limits, operands[0]);
	_cleanup_free_ char *way = NULL;
	Reason reason = {};
	Bar bar = {};
	int r;

	if (most < 0) {
		log_error("not install, download, check, enforce or restart: %s", operands[0]);
		return EXIT_USAGE;
	}
	r = take_charge(&manager, &bar, manager_lock, &reason);
	if (r == 0)
		tell_mistakes(manager.policy);
	if (r == 0)
		r = maintenance_run(&manager, (MaintenanceLimit)most, &outcome, &way, &reason);
	manager_look_after_services(&manager, &outcome);
	bar_end(&bar);
	maintenance_log_impact(&outcome);
	tell_problem(&outcome);
	if (r == -EINTR)
		return EXIT_OK; /* asked to end */
	if (r < 0)
		return fail(r, &reason);
	return arg_json ? show(installation_json(&manager, &outcome, false, way), NULL) : EXIT_OK;
}

static void print_enroll(const json_t *enroll)
{
	printf(_("This machine trusts the vendor at %s from now on.\n"),
		json_string_value(json_object_get(enroll, "repository")));
}

static int verb_enroll(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	Reason reason = {};
	Bar bar = {};
	Digest digest;
	int r;

	if (digest_from_text(operands[0], &digest) < 0) {
		log_error("not a SHA-256 in lower-case hexadecimal: %s", operands[0]);
		return EXIT_USAGE;
	}
	r = take_charge(&manager, &bar, manager_lock, &reason);
	if (r == 0)
		r = manager_enroll(&manager, operands[0], &reason);
	bar_end(&bar);
	if (r < 0)
		return fail(r, &reason);
	return show(json_pack("{s:i, s:s}", "schema", 1, "repository", manager.config.url),
		print_enroll);
}

static int preview_removal(Manager *manager, Outcome *outcome, Reason *reason)
{
	int r = look(manager, reason);

	if (r == 0 && geteuid() != 0)
		r = reason_set(
			reason, -EPERM, "only root can see what is grafted; try it with sudo");
	return r < 0 ? r : manager_preview_removal(manager, outcome, reason);
}

/* Services after the mounts, and after the word that these have moved: that is what somebody waits
 * for whose machine is in trouble. */
static int verb_remove(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_(outcome_done) Outcome outcome = {};
	Reason reason = {};
	Bar bar = {};
	int r;

	if (arg_dry_run) {
		r = preview_removal(&manager, &outcome, &reason);
		return r < 0 ? fail(r, &reason)
			     : show(removal_json(&manager, &outcome, true), removal_print);
	}
	r = take_charge(&manager, &bar, manager_lock_urgently, &reason);
	if (r == 0)
		r = manager_remove(&manager, &outcome, &reason);
	if (r < 0)
		return fail(r, &reason);
	if (!arg_json && !arg_quiet)
		removal_print_switch(manager.identity.version_id, outcome.switch_us);
	signal(SIGHUP, SIG_IGN);
	manager_look_after_services(&manager, &outcome);
	tell_problem(&outcome);
	return show(removal_json(&manager, &outcome, false), removal_print);
}

static int verb_history(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	Reason reason = {};
	int64_t since = 0;
	json_t *history;
	int r;

	if (arg_since && time_parse_local(arg_since, &since) < 0) {
		log_error("not a date, with or without a time, such as '2026-11-20 10:12': %s",
			arg_since);
		return EXIT_USAGE;
	}
	r = look(&manager, &reason);
	if (r < 0)
		return fail(r, &reason);
	history = screen_history(&manager, &reason);
	if (!history)
		return fail(-EIO, &reason);
	history_screen_select(history, since, arg_limit);
	return show(history, history_screen_print);
}

/* Without a journal the history is what there is; but nobody can wait for more of it. */
static int verb_log(int count, char **operands)
{
	const JournalRun run = {arg_root, arg_since, arg_limit, arg_follow, arg_json};
	Reason reason = {};
	int r = journal_show(&run, &reason);

	if (r != -ENOENT || arg_follow)
		return fail(r, &reason);
	log_info("%s", reason.text);
	return verb_history(count, operands);
}

static int find_state(
	const Manager *manager, uint64_t sequence, ExposureState *ret_state, Reason *reason)
{
	uint32_t generation;
	uint64_t installed;
	Mounted mounted;
	int r = manager_installed(manager, &generation, &installed, reason);

	if (r < 0 || installed < sequence) {
		*ret_state = EXPOSURE_OFFERED;
		return r;
	}
	r = worker_mounted(manager->root, &mounted, reason);
	*ret_state = r == 0 && !mounted.mixed && mounted.generation == generation ? EXPOSURE_APPLIED
										  : EXPOSURE_STAGED;
	return r;
}

static int check_cve(
	const Manager *manager, const ExposureFiles *files, uint64_t sequence, Reason *reason)
{
	char label[LABEL_TEXT_SIZE];

	if (!arg_cve || sequence == 0 || exposure_screen_knows(files, arg_cve))
		return 0;
	label_shown(manager->identity.version_id, sequence, label);
	return reason_set(reason, -ENOENT, "%s does not fix %s", label, arg_cve);
}

static int show_advisories(const AdvisoriesShown *shown, const char *format, Reason *reason)
{
	json_t *document;
	int r = advisories_check(shown, reason);

	if (r == 0 && strcmp(format, "openvex") == 0) {
		arg_json = true;
		r = machine_vex(shown, &document, reason);
	} else if (r == 0)
		document = advisories_screen(shown);
	return r < 0 ? fail(r, reason) : show(document, advisories_screen_print);
}

static int verb_advisories(int count, char **operands)
{
	static const char *const formats[] = {"text", "json", "openvex", NULL};
	const char *format = arg_format ? arg_format : "text";
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_known_ Known known = {};
	AdvisoriesShown shown = {&manager, &known, operands[0]};
	Reason reason = {};
	int r;

	if (text_index(formats, format) < 0) {
		log_error("not a format: %s; there are text, json and openvex", format);
		return EXIT_USAGE;
	}
	arg_json |= strcmp(format, "json") == 0;
	r = look(&manager, &reason);
	if (r == 0 && geteuid() != 0)
		r = refuse_or_ask_agent("can see what is grafted", &reason);
	if (r == 0)
		r = known_read(&manager, &known, &reason);
	return r < 0 ? fail(r, &reason) : show_advisories(&shown, format, &reason);
}

static int verb_exposure(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_(exposure_files_done) ExposureFiles files = {};
	_cleanup_(exposure_list_done) ExposureList list = {};
	ExposureShown shown = {.manager = &manager, .files = &files, .list = &list, .cve = arg_cve};
	Reason reason = {};
	int r = look(&manager, &reason);

	if (r == 0 && geteuid() != 0)
		r = reason_set(&reason, -EPERM,
			"only root can see what other programs run; try it with sudo");
	if (r == 0)
		r = manager_exposure(&manager, &files, &list, &shown.sequence, &reason);
	if (r == 0)
		r = find_state(&manager, shown.sequence, &shown.state, &reason);
	if (r == 0)
		r = check_cve(&manager, &files, shown.sequence, &reason);
	return r < 0 ? fail(r, &reason) : show(exposure_screen(&shown), exposure_screen_print);
}

static int verb_files(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	Reason reason = {};
	json_t *files = NULL;
	int r = look(&manager, &reason);

	if (r == 0 && geteuid() != 0)
		r = reason_set(
			&reason, -EPERM, "only root can see what is grafted; try it with sudo");
	if (r == 0)
		files = files_describe(&manager, &r, &reason);
	if (r < 0)
		return fail(r, &reason);
	return show(files, arg_digests ? files_print_digests : files_print);
}

static int verb_doctor(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_(doctor_done) Doctor doctor = {};
	Reason reason = {};
	int code, r = look(&manager, &reason);

	if (r == 0 && geteuid() != 0)
		r = reason_set(
			&reason, -EPERM, "only root can see all that matters; try it with sudo");
	if (r == 0)
		r = diagnosis_make(&manager, &doctor);
	if (r < 0)
		return fail(r, &reason);
	code = show(diagnosis_describe(&doctor), diagnosis_print);
	return code == EXIT_OK && doctor_problems(&doctor) > 0 ? EXIT_DEFERRED : code;
}

static int verb_policy(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	Reason reason = {};
	int r = look(&manager, &reason);

	return r < 0 ? fail(r, &reason) : show(policy_screen(manager.policy), policy_screen_print);
}

/* Without the lock: it must not wait for a download, and one rename is all that is written. */
static int look_to_set(Manager *manager, bool sets, Reason *reason)
{
	int r = look(manager, reason);

	if (r == 0 && sets && geteuid() != 0)
		r = refuse_or_ask_agent("may do this", reason);
	return r;
}

static int verb_automatic(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	Reason reason = {};
	int r;

	if (count > 0 && text_index(config_automatic_words, operands[0]) < 0) {
		log_error("not install, download or off: %s", operands[0]);
		return EXIT_USAGE;
	}
	r = look_to_set(&manager, count > 0, &reason);
	if (r == 0 && count > 0)
		r = automatic_set(&manager, operands[0], &reason);
	return r < 0 ? fail(r, &reason)
		     : show(automatic_json(&manager, count > 0), automatic_print);
}

static int verb_postpone(int count, char **operands)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	uint64_t seconds = 0;
	Reason reason = {};
	json_t *postpone;
	int r;

	if (count > 0 &&
		(arg_clear || amount_duration(operands[0], CONFIG_POSTPONE_MAX, &seconds) < 0 ||
			seconds == 0)) {
		log_error("not a duration such as 90min, 12h or 3d: %s", operands[0]);
		return EXIT_USAGE;
	}
	r = look_to_set(&manager, count > 0 || arg_clear, &reason);
	if (r == 0 && (count > 0 || arg_clear))
		r = postpone_set(&manager, (int64_t)seconds, &reason);
	if (r < 0)
		return fail(r, &reason);
	postpone = postpone_json(&manager, &reason);
	return postpone ? show(postpone, postpone_print) : fail(-EIO, &reason);
}

/* The helper takes this process's place, and the command the helper's. */
static int verb_base_run(int count, char **operands)
{
	const char *argv[COMMAND_WORDS_MAX + 5];
	_cleanup_free_ char *path = NULL;
	Reason reason = {};
	int r = process_find_helper("suture-activate", &path, &reason);

	if (r < 0)
		return fail(r, &reason);
	argv[0] = path;
	argv[1] = "--root";
	argv[2] = arg_root;
	argv[3] = "base-run";
	memcpy(argv + 4, operands, ((size_t)count + 1) * sizeof(*operands));
	execv(path, (char *const *)argv);
	return fail(reason_errno(&reason, -errno, "cannot run %s", path), &reason);
}

static int verb_facts(int count, char **operands)
{
	_cleanup_json_ json_t *status = NULL;
	Reason reason = {};
	int r = geteuid() == 0
		? facts_refresh(arg_root, &status, &reason)
		: reason_set(&reason, -EPERM, "only root can tell the system; try it with sudo");

	return r < 0 ? fail(r, &reason) : show(facts_screen(status), facts_screen_print);
}

/* Once for all verbs, when they are done: what others see of it is no part of what was asked for,
 * and a verb that failed has told its one failure already. */
static void tell_system(bool has_failed)
{
	Reason reason = {};

	if (facts_refresh(arg_root, NULL, &reason) < 0 && !has_failed)
		log_error("what other programs see of this is not up to date: %s", reason.text);
}

static const Option options[] = {
	{"root", "DIR", "put every path below DIR", OPTION_TEXT, &arg_root},
	{"from", "PATH", "ask the repository in this folder or bundle, not the network",
		OPTION_TEXT, &arg_from},
	{"clear", NULL, "postpone: no longer", OPTION_FLAG, &arg_clear},
	{"digests", NULL, "files: with the SHA-256 of each", OPTION_FLAG, &arg_digests},
	{"dry-run", NULL, "install, remove: only tell what would happen", OPTION_FLAG,
		&arg_dry_run},
	{"download-only", NULL, "install: download and verify, and graft nothing", OPTION_FLAG,
		&arg_download_only},
	{"background", NULL, "leave processor and disk to others", OPTION_FLAG, &arg_background},
	{"restart", NULL, "install: restart the machine where it takes that", OPTION_FLAG,
		&arg_restart},
	{"sequence", "N", "install: this one, which may be older", OPTION_NUMBER, &arg_sequence},
	{"bus", "ADDRESS", "speak to the service manager here, not at systemd's own socket",
		OPTION_TEXT, &arg_bus},
	{"json", NULL, "print JSON", OPTION_FLAG, &arg_json},
	{"format", "text|json|openvex", "advisories: for people, programs or scanners", OPTION_TEXT,
		&arg_format},
	{"cve", "ID", "exposure: only what is about this CVE", OPTION_TEXT, &arg_cve},
	{"progress", PROGRESS_CHOICES, "how progress is shown", OPTION_CHOICE, &arg_progress},
	{"progress-fd", "N", "write progress to descriptor N, as JSON lines", OPTION_NUMBER,
		&arg_progress_fd},
	{"q", NULL, "print no progress and no result: the exit code tells", OPTION_FLAG,
		&arg_quiet},
	{"v", NULL, "status: with every image and graft", OPTION_FLAG, &arg_all},
	{"ready", NULL, "status: whether this machine can get improvements", OPTION_FLAG,
		&arg_ready},
	{"f", NULL, "log: go on with what is said from now on", OPTION_FLAG, &arg_follow},
	{"since", "TIME", "history, log: from then on, such as '2026-11-20 10:12'", OPTION_TEXT,
		&arg_since},
	{"limit", "N", "history, log: only the newest; 0: all", OPTION_NUMBER, &arg_limit},
	{},
};

static const Verb verbs[] = {
	{"status", "", "show the base, what is applied, and what is offered", 0, 0, verb_status},
	{"check", "", "ask the repository for improvements", 0, 0, verb_check},
	{"install", "", "install what is offered", 0, 0, verb_install},
	{"remove", "", "take all improvements off, back to the base", 0, 0, verb_remove},
	{"maintain", "[install|download|check|enforce|restart]",
		"one round of what is done by itself, at most this", 0, 1, verb_maintain},
	{"enroll", "DIGEST", "trust the vendor whose root metadata has this SHA-256", 1, 1,
		verb_enroll},
	{"history", "", "show what happened", 0, 0, verb_history},
	{"advisories", "[LABEL|SEQUENCE|ID|CVE]", "show what improvements fix, or all of one", 0, 1,
		verb_advisories},
	{"log", "", "show what Suture's programs said, by the journal", 0, 0, verb_log},
	{"exposure", "", "show which programs still run replaced code", 0, 0, verb_exposure},
	{"files", "", "list the files that are grafted", 0, 0, verb_files},
	{"facts", "", "tell the rest of the system what is applied", 0, 0, verb_facts},
	{"doctor", "", "look for what does not go well with improvements", 0, 0, verb_doctor},
	{"policy", "", "show what was decided, by whom and where", 0, 0, verb_policy},
	{"automatic", "[install|download|off]", "show or set what happens by itself", 0, 1,
		verb_automatic},
	{"postpone", "[DURATION]", "show or set for how long nothing is installed by itself", 0, 1,
		verb_postpone},
	{"base-run", "COMMAND...", "run a command that sees the base, without grafts", 1,
		COMMAND_WORDS_MAX, verb_base_run, .runs_command = true},
	{},
};

int main(int argc, char **argv)
{
	static const Command command = {"suture",
		"background security improvements of this machine", options, verbs, "status"};
	int code;

	own_words = argv;
	umask(022);
	text_open();
	style_open();
	crypto_start_alone();
	code = command_main(&command, argc, argv);
	if (took_charge)
		tell_system(code != EXIT_OK && code != EXIT_NOTHING_TO_DO);
	return code;
}
