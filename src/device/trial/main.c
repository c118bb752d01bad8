/* SPDX-License-Identifier: Apache-2.0 */
/* suture-trial: watches a generation on trial, and settles or reverts it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/process.h"
#include "device/trial/undo.h"
#include "device/trial/watch.h"
#include "device/unit/job.h"
#include "device/unit/unit.h"

#define UNIT           "suture-trial.service"
#define HEALTH_SECONDS 30
#define OUTPUT_MAX     65536

static const char *arg_root = "/", *arg_bus;
static int arg_health_timeout = HEALTH_SECONDS;
static bool arg_background;

static bool is_own_root(void)
{
	return strcmp(arg_root, "/") == 0;
}

static void tell(const Reason *what)
{
	log_info("%s", what->text);
}

/* Whoever comes second waits: the first one may be about to end, and looks for a new record only
 * while it holds the lock. The lock is the kernel's and ends with its holder. */
static int lock(const Store *store, int *ret_fd, Reason *reason)
{
	int fd = openat(
		store->root, STORE_TRIAL_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return reason_errno(
			reason, -errno, "cannot open %s/" STORE_TRIAL_LOCK, store->path);
	if (flock(fd, LOCK_EX) < 0)
		return reason_errno(
			reason, -errno, "cannot lock %s/" STORE_TRIAL_LOCK, store->path);
	*ret_fd = fd;
	return 0;
}

/* suture-activate, with one verb and perhaps its operand: of this generation, and of no other that
 * may be on trial by now. */
static int activate(const Trial *trial, const char *verb, const char *operand, Reason *reason)
{
	char number[16];
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ uint8_t *output = NULL;
	size_t size;
	int status, r = process_find_helper("suture-activate", &path, reason);

	snprintf(number, sizeof(number), "%u", trial->generation);
	if (r == 0) {
		const char *const argv[] = {
			path, "--root", arg_root, "--of", number, verb, operand, NULL};

		r = process_run(argv, NULL, 0, OUTPUT_MAX, &output, &size, &status, reason);
	}
	return r < 0 ? r : exit_error_of(status);
}

/* The services after the mounts: what they are started with is what is mounted then. */
static int revert(const Watch *watch, const Reason *why)
{
	_cleanup_(generation_freep) Generation *generation = NULL;
	const Store *store = watch->store;
	const Trial *trial = watch->trial;
	Undo undo = {.store = store,
		.root = arg_root,
		.address = arg_bus,
		.trial = trial,
		.units = watch->units};
	Reason reason = {};
	int r = store_read_generation(store, trial->generation, &generation, NULL);

	if (r == 0)
		undo.generation = generation;
	r = activate(trial, "revert", why->text, &reason);

	if (r < 0)
		return log_reason(r, &reason);
	log_error("reverted: %s", why->text);
	r = undo_services(&undo, &reason);
	if (r != 0)
		log_reason(r, &reason);
	return 0;
}

static int settle(const Trial *trial)
{
	Reason reason = {};
	int r = activate(trial, "settle", NULL, &reason);

	return r < 0 ? log_reason(r, &reason) : 0;
}

/* One record to its end: a WatchEnd. -ENODATA: there is none, or none that somebody has to watch.
 */
static int watch_one(const Store *store)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	_cleanup_free_ Watched *units = NULL;
	Watch watch = {.store = store,
		.root = arg_root,
		.address = arg_bus,
		.health_seconds = (unsigned)arg_health_timeout,
		.tell = tell};
	Reason reason = {};
	int end, r = trial_load(store, &trial, &reason);

	if (r > 0 || (r == 0 && !watch_is_due(store, trial)))
		return -ENODATA;
	if (r == 0) {
		units = memory_new_array(trial->unit_count, sizeof(Watched));
		r = units ? 0 : -ENOMEM;
	}
	watch.trial = trial;
	watch.units = units;
	end = r < 0 ? r : watch_trial(&watch, &reason);
	if (end < 0)
		return log_reason(end, &reason);
	if (end == WATCH_GOOD)
		r = settle(trial);
	else if (end == WATCH_BAD)
		r = revert(&watch, &reason);
	return r < 0 ? r : end;
}

/* Also a record that comes in the place of the one that is watched. */
static int watch_all(const Store *store)
{
	int end, watched = 0;

	do
		end = watch_one(store);
	while (end == WATCH_CHANGED && ++watched);
	if (end == -ENODATA && watched > 0)
		return EXIT_OK; /* settled, reverted or removed by somebody else */
	if (end < 0)
		return exit_code_of(end);
	return end == WATCH_BAD ? EXIT_FAILED : EXIT_OK;
}

/* As a unit that is made for it, where the integrator installed none: whatever is started by a
 * service of Type=oneshot would end with it. */
static int start_transient(sd_bus *bus)
{
	char self[PATH_TEXT_MAX + 1] = "", seconds[16];
	const char *argv[] = {self, "--root", arg_root, "--health-timeout", seconds,
		arg_bus ? "--bus" : NULL, arg_bus, NULL};

	snprintf(seconds, sizeof(seconds), "%d", arg_health_timeout);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -errno;
	return job_start_transient(bus, UNIT, "Watch an improvement on trial", argv, NULL);
}

/* 1: systemd has started our unit, which does not end with whoever asked. */
static int start_unit(void)
{
	_cleanup_bus_ sd_bus *bus = NULL;
	_cleanup_(unit_freep) Unit *unit = NULL;
	int r = bus_open(arg_bus, &bus, NULL);

	if (r == 0)
		r = unit_read(bus, UNIT, &unit, NULL);
	if (r != 0)
		return 0;
	r = strcmp(unit->load_state, "loaded") == 0 && !arg_bus
		? job_start(bus, UNIT, "replace", NULL)
		: start_transient(bus);
	return r == 0;
}

static int detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = null < 0 ? -1 : fork();

	if (pid < 0)
		return -errno;
	if (pid > 0)
		_exit(EXIT_OK);
	if (setsid() < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	return 0;
}

static int run(int count, char **operands)
{
	_cleanup_(store_freep) Store *store = NULL;
	_cleanup_fd_ int fd = -1;
	Reason reason = {};
	int r;

	if (geteuid() != 0) {
		log_error("only root may do this");
		return EXIT_NOT_AUTHORISED;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!arg_bus && !is_own_root())
		arg_bus = BUS_NONE;
	r = store_open(arg_root, &store, &reason);
	if (r == 0 && arg_background) {
		if (start_unit() > 0)
			return EXIT_OK;
		r = detach();
	}
	if (r == 0)
		r = lock(store, &fd, &reason);
	return r < 0 ? (int)exit_code_of(log_reason(r, &reason)) : watch_all(store);
}

static const Option options[] = {
	{"root", "DIR", "put every path below DIR", OPTION_TEXT, &arg_root},
	{"bus", "ADDRESS", "speak to the service manager here, not at systemd's own socket",
		OPTION_TEXT, &arg_bus},
	{"health-timeout", "SECONDS", "give each health check this long", OPTION_NUMBER,
		&arg_health_timeout},
	{"background", NULL, "return at once: go on as " UNIT ", or in the background", OPTION_FLAG,
		&arg_background},
	{},
};

static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {"suture-trial",
		"watch a generation on trial, and settle or revert it", options, verbs, ""};

	return command_main(&command, argc, argv);
}
