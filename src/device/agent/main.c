/* SPDX-License-Identifier: Apache-2.0 */
/* sutured: the agent. Checks and installs by the owner's policy, and is on the bus for whoever
 * wants to see or do more. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "device/agent/inhibitor.h"
#include "device/agent/object.h"
#include "device/agent/sensors.h"
#include "device/agent/spool.h"
#include "device/agent/wakeup.h"

#define USEC_PER_SECOND   UINT64_C(1000000)
#define LAST_MESSAGES_MAX 1000 /* more than come at once; who knows no end gets no answer */
#define BUS_ENVIRONMENT   "DBUS_SYSTEM_BUS_ADDRESS"

static const char *arg_root = "/";
static const char *arg_bus;
static bool arg_once;
static int arg_idle;

/* The machine's own root, and systemd as its process 1. */
static bool is_machine(void)
{
	return strcmp(arg_root, "/") == 0;
}

static bool is_quiet(const Agent *agent)
{
	return !rounds_is_busy(agent) && !agent->questions && !agent->inhibitors &&
		!agent->view.timer;
}

/* The name goes first, so that whoever calls from now on starts another agent; what was sent to
 * this one before is answered. systemd is told, because it would take the loss of the name for a
 * crash. */
static int leave_bus(Agent *agent)
{
	int r = 1;

	agent->is_leaving = true;
	(void)sd_notify(false, "STOPPING=1");
	if (agent->bus && sd_bus_release_name(agent->bus, AGENT_NAME) >= 0)
		for (size_t i = 0; r > 0 && i < LAST_MESSAGES_MAX; i++)
			r = sd_bus_process(agent->bus, NULL);
	return sd_event_exit(agent->event, EXIT_OK);
}

static int on_idle(sd_event_source *source, uint64_t when, void *userdata)
{
	Agent *agent = userdata;

	agent->idle = sd_event_source_disable_unref(agent->idle);
	if (is_quiet(agent))
		return leave_bus(agent);
	agent_touch(agent);
	return 0;
}

void agent_touch(Agent *agent)
{
	uint64_t when = time_boot_us() + agent->idle_seconds * USEC_PER_SECOND;

	if (agent->idle_seconds == 0)
		return;
	agent->idle = sd_event_source_disable_unref(agent->idle);
	(void)sd_event_add_time(agent->event, &agent->idle, CLOCK_BOOTTIME, when,
		USEC_PER_SECOND / 10, on_idle, agent);
}

/* Without a bus the agent goes its rounds all the same. */
static int open_bus(Agent *agent, Reason *reason)
{
	int r;

	if (!is_machine() && !getenv(BUS_ENVIRONMENT))
		return 0;
	r = sd_bus_open_system(&agent->bus);
	if (r == -ENOENT || r == -ECONNREFUSED) {
		log_info("there is no system bus here; going on without");
		return 0;
	}
	if (r < 0)
		return reason_errno(reason, r, "cannot reach the system bus");
	/* the timer for the next start is set behind the loop */
	r = sd_bus_set_close_on_exit(agent->bus, false);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(agent->bus, true);
	if (r >= 0)
		r = sd_bus_attach_event(agent->bus, agent->event, SD_EVENT_PRIORITY_NORMAL);
	return r < 0 ? reason_errno(reason, r, "cannot listen to the system bus") : 0;
}

/* The name comes last: whoever sees it finds all there is. */
static int be_on_bus(Agent *agent, Reason *reason)
{
	int r;

	if (!agent->bus)
		return 0;
	sensors_open(agent);
	r = object_add(agent, reason);
	if (r < 0)
		return r;
	r = sd_bus_request_name(agent->bus, AGENT_NAME, 0);
	if (r == -EEXIST)
		return reason_set(reason, -EBUSY, "another sutured is on the bus already");
	return r < 0 ? reason_errno(reason, r, "cannot have the name " AGENT_NAME) : 0;
}

static int open_loop(Agent *agent, Reason *reason)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_default(&agent->event);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(agent->event, true);
	return r < 0 ? reason_errno(reason, r, "cannot make an event loop") : 0;
}

/* Where jobs are units of their own, what is left to write is the owner's choices, bundles that
 * were handed over, and what the agent waits for. A mount namespace would do the same, and show
 * grafts as nobody else sees them: what is below /run/suture does not come into other namespaces.
 */
static int give_away(const Agent *agent, Reason *reason)
{
	static const char *const except[] = {
		"/var/lib/suture", "/" SPOOL_PATH, "/run/sutured", "/dev/null", NULL};

	return agent->uses_units ? landlock_forbid_writing(except, false, reason) : 0;
}

static int open_agent(Agent *agent, Reason *reason)
{
	int r = open_loop(agent, reason);

	if (r == 0)
		r = open_bus(agent, reason);
	if (r < 0)
		return r;
	agent->uses_units = agent->bus && is_machine() && sd_booted() > 0;
	r = give_away(agent, reason);
	if (r < 0)
		return r;
	spool_clear(agent->root);
	view_refresh(agent);
	r = rounds_open(agent, reason);
	return r < 0 ? r : be_on_bus(agent, reason);
}

static void close_agent(Agent *agent)
{
	jobs_done(&agent->jobs);
	inhibitor_end_all(agent);
	rounds_done(&agent->rounds);
	view_done(&agent->view);
	sd_event_source_disable_unref(agent->idle);
	sd_bus_flush_close_unref(agent->bus);
	sd_event_unref(agent->event);
}

/* Where systemd starts it, it stands beside the agent. */
static int start_keeper(const Agent *agent, Process *keeper, Reason *reason)
{
	_cleanup_free_ char *path = NULL;
	const char *words[6] = {NULL, "--root", agent->root};
	int r = process_find_helper("suture-keeper", &path, reason);

	if (r < 0 || agent->uses_units)
		return r;
	words[0] = path;
	if (agent->manager_bus) {
		words[3] = "--bus";
		words[4] = agent->manager_bus;
	}
	*keeper = (Process){.argv = words, .ends_with_us = true};
	r = process_start(keeper, reason);
	keeper->argv = NULL;
	return r;
}

static void end_keeper(Process *keeper)
{
	int status;

	if (keeper->pid <= 0)
		return;
	kill(keeper->pid, SIGTERM);
	(void)process_wait(keeper, &status);
}

static int stay(Agent *agent, Reason *reason)
{
	Process keeper = {};
	int r = start_keeper(agent, &keeper, reason);

	if (r < 0)
		return r;
	(void)sd_notify(false, "READY=1");
	agent_touch(agent);
	r = sd_event_loop(agent->event);
	(void)sd_notify(false, "STOPPING=1");
	wakeup_plan(agent, rounds_next(agent));
	end_keeper(&keeper);
	if (r > 0) /* sd-bus' word for a bus that went away: whoever starts the agent does it anew
		    */
		return reason_set(reason, -ECONNRESET, "the system bus is gone");
	return r < 0 ? reason_errno(reason, r, "the event loop") : r;
}

/* `suture` does the round itself, in this program's place. */
static int become_round(void)
{
	_cleanup_free_ char *path = NULL;
	const char *words[7] = {NULL, "--root", arg_root, "maintain"};
	Reason reason = {};
	int r = process_find_helper("suture", &path, &reason);

	if (r < 0)
		return exit_code_of(log_reason(r, &reason));
	words[0] = path;
	if (arg_bus) {
		words[4] = "--bus";
		words[5] = arg_bus;
	}
	execv(path, (char *const *)words);
	return exit_code_of(
		log_reason(reason_errno(&reason, -errno, "cannot run %s", path), &reason));
}

static int run(int count, char **operands)
{
	Agent agent = {.root = arg_root,
		.manager_bus = arg_bus,
		.idle_seconds = (unsigned)arg_idle,
		.jobs.error = ""};
	Reason reason = {};
	int r;

	if (geteuid() != 0) {
		log_error("only root may do this");
		return EXIT_NOT_AUTHORISED;
	}
	if (arg_once)
		return become_round();
	r = open_agent(&agent, &reason);
	if (r == 0)
		r = stay(&agent, &reason);
	close_agent(&agent);
	return r < 0 ? (int)exit_code_of(log_reason(r, &reason)) : EXIT_OK;
}

static const Option options[] = {
	{"root", "DIR", "put every path below DIR", OPTION_TEXT, &arg_root},
	{"bus", "ADDRESS", "speak to the service manager here, not at systemd's own socket",
		OPTION_TEXT, &arg_bus},
	{"once", NULL, "one round, then end: the same as 'suture maintain'", OPTION_FLAG,
		&arg_once},
	{"idle-exit", "SECONDS", "end after so long without work; something else starts it again",
		OPTION_NUMBER, &arg_idle},
	{},
};

static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {"sutured",
		"check for background security improvements and install them", options, verbs, ""};

	umask(022);
	return command_main(&command, argc, argv);
}
