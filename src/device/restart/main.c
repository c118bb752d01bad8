/* SPDX-License-Identifier: Apache-2.0 */
/* suture-restart: which units own these processes, and restarting them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "device/restart/report.h"
#include "device/restart/run.h"
#include "device/restart/survey.h"
#include "wire/json/document.h"

#define INPUT_SIZE_MAX ((size_t)1 << 20) /* 100,000 processes, three times what a kernel allows */
#define PID_MAX        4194304           /* PID_MAX_LIMIT of Linux */
#define SOFT_REBOOT    "soft-reboot.target" /* systemd 254 and later */
#define REBOOT         "reboot.target"

static const char *arg_bus, *arg_scope = "services";
static OptionList arg_protect;
static int arg_timeout = RUN_SECONDS;
static bool arg_json;

typedef struct Pids {
	pid_t *items;
	size_t count;
} Pids;

static void pids_done(Pids *pids)
{
	free(pids->items);
}

static int read_pids(Pids *pids, Reason *reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	char *cursor, *line;
	size_t size;
	int r = fd_read_all(STDIN_FILENO, INPUT_SIZE_MAX, &text, &size);

	if (r < 0)
		return reason_errno(reason, r, "standard input");
	cursor = (char *)text;
	while ((line = text_next_line(&cursor))) {
		uint64_t pid;

		if (text_to_u64(line, PID_MAX, &pid) < 0 || pid == 0)
			return reason_set(reason, -EINVAL, "not a process's number: '%s'", line);
		r = memory_grow(&pids->items, pids->count, sizeof(pid_t));
		if (r < 0)
			return r;
		pids->items[pids->count++] = (pid_t)pid;
	}
	return 0;
}

static bool take_scope(RestartScope *ret)
{
	int scope = text_index(restart_scope_names, arg_scope);

	if (scope < 0)
		log_error("unknown scope %s", arg_scope);
	else
		*ret = (RestartScope)scope;
	return scope >= 0;
}

/* Without a manager the plan is that of processes which nobody can restart; that is no error. */
static int make_plan(sd_bus *bus, const Pids *pids, RestartScope scope, Plan *plan,
	size_t *ret_gone, Reason *reason)
{
	_cleanup_free_ char *own = NULL;
	PlanPolicy policy = {.scope = scope,
		.protect = arg_protect.items,
		.protect_count = arg_protect.count,
		.now_us = time_monotonic_us()};
	int r = survey_processes(bus, pids->items, pids->count, plan, ret_gone, reason);

	if (r == 0 && bus)
		r = owner_unit_of(bus, getpid(), &own, reason);
	policy.own = own;
	return r < 0 ? r : plan_decide(plan, &policy);
}

static int show(const Report *report)
{
	_cleanup_buffer_ Buffer buffer = {};
	json_t *json;
	int r;

	if (!arg_json) {
		report_print(report);
		return 0;
	}
	json = report_json(report);
	r = json ? document_write(json, &buffer) : -ENOMEM;
	json_decref(json);
	return r < 0 ? r : fd_write_full(STDOUT_FILENO, buffer.data, buffer.size);
}

static int plan_or_run(bool runs)
{
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_(pids_done) Pids pids = {};
	_cleanup_(plan_done) Plan plan = {};
	Report report = {.plan = &plan, .has_run = runs};
	Run run = {.address = arg_bus, .timeout_us = (uint64_t)arg_timeout * 1000000};
	Reason reason = {}, why = {};
	int shown, r;

	if (!take_scope(&report.scope))
		return EXIT_USAGE;
	r = read_pids(&pids, &reason);
	if (r == 0)
		r = bus_open(arg_bus, &bus, &reason);
	report.has_manager = r == 0;
	if (r >= 0)
		r = make_plan(bus, &pids, report.scope, &plan, &report.gone, &reason);
	if (r < 0)
		return exit_code_of(log_reason(r, &reason));
	run.bus = bus;
	if (runs)
		r = run_plan(&run, &plan, &why);
	report.failed = run.failed;
	shown = show(&report); /* also where the bus failed half-way: what is known counts */
	if (r == 0)
		r = shown;
	if (r < 0)
		return exit_code_of(log_reason(r, &why));
	return run.failed > 0 ? EXIT_FAILED : EXIT_OK;
}

static int verb_plan(int count, char **operands)
{
	return plan_or_run(false);
}

static int verb_run(int count, char **operands)
{
	return plan_or_run(true);
}

/* 1: this systemd can restart all but the kernel. */
static int has_soft_reboot(sd_bus *bus, Reason *reason)
{
	_cleanup_(unit_freep) Unit *target = NULL;
	int r = unit_read(bus, SOFT_REBOOT, &target, reason);

	return r < 0 ? r : strcmp(target->load_state, "loaded") == 0;
}

/* As systemctl(1) asks for it: what comes in between does not call it off. */
static int verb_reboot(int count, char **operands)
{
	_cleanup_bus_ sd_bus *bus = NULL;
	Reason reason = {};
	RestartScope scope;
	bool soft = false;
	int r;

	if (!take_scope(&scope))
		return EXIT_USAGE;
	r = bus_open(arg_bus, &bus, &reason);
	if (r > 0)
		r = -ENOENT;
	if (r == 0 && scope <= RESTART_SOFT_REBOOT) {
		r = has_soft_reboot(bus, &reason);
		soft = r > 0;
	}
	if (r >= 0)
		r = job_start(bus, soft ? SOFT_REBOOT : REBOOT, "replace-irreversibly", &reason);
	if (r < 0)
		return exit_code_of(log_reason(r, &reason));
	printf("%s\n", soft ? "soft-reboot" : "reboot");
	return EXIT_OK;
}

static const Option options[] = {
	{"bus", "ADDRESS", "speak to the service manager here, not at systemd's own socket",
		OPTION_TEXT, &arg_bus},
	{"protect", "UNIT", "leave this unit alone; a * may stand at the end", OPTION_LIST,
		&arg_protect},
	{"scope", "SCOPE", "none, services, session, soft-reboot or reboot", OPTION_TEXT,
		&arg_scope},
	{"timeout", "SECONDS", "wait for all restarts together this long", OPTION_NUMBER,
		&arg_timeout},
	{"json", NULL, "print JSON", OPTION_FLAG, &arg_json},
	{},
};

static const Verb verbs[] = {
	{"plan", "", "show what would become of the units that own the processes", 0, 0, verb_plan},
	{"run", "", "restart them", 0, 0, verb_run},
	{"reboot", "", "restart the machine, or all but its kernel where that is enough", 0, 0,
		verb_reboot},
	{},
};

int main(int argc, char **argv)
{
	static const Command command = {"suture-restart",
		"restart the units that own these processes", options, verbs, NULL};

	return command_main(&command, argc, argv);
}
