/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/fd.h"
#include "base/time.h"
#include "device/agent/agent.h"

#define SYSTEMD      "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define OPTIONS_MAX  5
#define MODE         "fail"

typedef struct Line {
	char *program;
	const char *words[1 + OPTIONS_MAX + LAUNCH_WORDS_MAX + 1];
} Line;

static void line_done(Line *line)
{
	memory_free(line->program);
}

/* The options of every run, then the words. */
static int line_make(const Agent *agent, const char *const *words, Line *line, Reason *reason)
{
	size_t count = 0;
	int r = process_find_helper("suture", &line->program, reason);

	if (r < 0)
		return r;
	line->words[count++] = line->program;
	line->words[count++] = "--root";
	line->words[count++] = agent->root;
	if (agent->manager_bus) {
		line->words[count++] = "--bus";
		line->words[count++] = agent->manager_bus;
	}
	while (*words && count < ARRAY_SIZE(line->words) - 1)
		line->words[count++] = *words++;
	return *words ? -E2BIG : 0;
}

static int append_property(sd_bus_message *call, const char *name, const char *type, ...)
{
	va_list arguments;
	int r = sd_bus_message_open_container(call, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(call, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'v', type);
	va_start(arguments, type);
	if (r >= 0)
		r = sd_bus_message_appendv(call, type, arguments);
	va_end(arguments);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? r : sd_bus_message_close_container(call);
}

static int append_command(sd_bus_message *call, const Line *line)
{
	int r = sd_bus_message_open_container(call, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(call, "s", "ExecStart");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'v', "a(sasb)");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "(sasb)");
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'r', "sasb");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", line->program);
	if (r >= 0)
		r = sd_bus_message_append_strv(call, (char **)line->words);
	if (r >= 0)
		r = sd_bus_message_append(call, "b", 0);
	for (int i = 0; r >= 0 && i < 4; i++)
		r = sd_bus_message_close_container(call);
	return r;
}

/* KillMode: the guard and the watcher of a trial outlive the job that began it. */
static int append_unit(sd_bus_message *call, const Line *line, const char *unit, int output)
{
	int r = sd_bus_message_append(call, "ss", unit, MODE);

	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "(sv)");
	if (r >= 0)
		r = append_property(call, "Description", "s", "Work on security improvements");
	if (r >= 0)
		r = append_property(call, "Type", "s", "exec");
	if (r >= 0)
		r = append_property(call, "KillMode", "s", "process");
	if (r >= 0)
		r = append_property(call, "CollectMode", "s", "inactive-or-failed");
	if (r >= 0)
		r = append_property(call, "StandardOutputFileDescriptor", "h", output);
	if (r >= 0)
		r = append_command(call, line);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? r : sd_bus_message_append(call, "a(sa(sv))", 0);
}

static int start_unit(
	Agent *agent, const Line *line, int output, char unit[static 64], Reason *reason)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r = sd_bus_message_new_method_call(
		agent->bus, &call, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager", "StartTransientUnit");

	/* a name of its own, since the watcher of a trial may still be in the last one's group */
	snprintf(unit, 64, "suture-job-%" PRIx64 ".service", time_boot_us());
	if (r >= 0)
		r = append_unit(call, line, unit, output);
	if (r >= 0)
		r = sd_bus_call(agent->bus, call, 0, &error, NULL);
	if (r >= 0)
		return 0;
	return reason_set(reason, r, "systemd does not start %s: %s", unit,
		error.message ? error.message : strerror(-r));
}

static int start_child(const Line *line, int output, Process *process, Reason *reason)
{
	*process = (Process){.argv = line->words, .map = {{output, STDOUT_FILENO}}, .map_count = 1};
	return process_start(process, reason);
}

int launch_start(Agent *agent, const char *const *words, Launch *ret_launch, Reason *reterr_reason)
{
	_cleanup_(line_done) Line line = {};
	_cleanup_fd_ int mine = -1, theirs = -1;
	Launch launch = {};
	int ends[2], r = line_make(agent, words, &line, reterr_reason);

	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return reason_errno(reterr_reason, -errno, "pipe2");
	mine = ends[0];
	theirs = ends[1];
	if (fcntl(mine, F_SETFL, O_NONBLOCK) < 0)
		return reason_errno(reterr_reason, -errno, "fcntl");
	r = agent->uses_units ? start_unit(agent, &line, theirs, launch.unit, reterr_reason)
			      : start_child(&line, theirs, &launch.process, reterr_reason);
	if (r < 0)
		return r;
	launch.process.argv = NULL; /* ends with this function */
	launch.output = TAKE_FD(mine);
	*ret_launch = launch;
	return 0;
}

void launch_stop(Agent *agent, const Launch *launch)
{
	if (launch->process.pid > 0)
		kill(launch->process.pid, SIGTERM);
	else if (launch->unit[0])
		(void)sd_bus_call_method_async(agent->bus, NULL, SYSTEMD, SYSTEMD_PATH,
			SYSTEMD ".Manager", "StopUnit", NULL, NULL, "ss", launch->unit, "replace");
}

void launch_end(Agent *agent, Launch *launch)
{
	int status;

	launch->output = fd_close(launch->output);
	if (launch->process.pid > 0) {
		kill(launch->process.pid, SIGTERM);
		(void)process_wait(&launch->process, &status);
	}
	*launch = (Launch){.output = -1};
}

int launch_ask(const Agent *agent, const char *const *words, char **ret_text, Reason *reterr_reason)
{
	_cleanup_(line_done) Line line = {};
	_cleanup_free_ uint8_t *output = NULL;
	Process process = {.argv = line.words, .seconds = LAUNCH_LOOK_SECONDS};
	size_t size;
	int status, r = line_make(agent, words, &line, reterr_reason);

	if (r == 0)
		r = process_exchange(&process, NULL, 0, LAUNCH_OUTPUT_MAX, &output, &size, &status,
			reterr_reason);
	if (r < 0)
		return r;
	if (size == 0 && status != 0)
		return reterr_reason && reterr_reason->text[0]
			? exit_error_of(status)
			: reason_set(
				  reterr_reason, -EIO, "suture %s ended with %d", words[0], status);
	*ret_text = (char *)TAKE_PTR(output);
	return 0;
}
