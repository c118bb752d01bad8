/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/time.h"
#include "device/activate/activation.h"
#include "device/activate/boot.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3: else vm.memfd_noexec may forbid to execute it */
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020 /* Linux 6.3 */
#endif

#define LOCK_NAME      "suture.guard" /* in the run folder, held as long as the guard lives */
#define READY_MS       10000          /* copying 5 MB and locking them takes milliseconds */
#define LOOK_MS        1000
#define CANARY_PATH    "/usr/bin/true" /* below the root: links the C library, and nothing else */
#define CANARY_SECONDS 1
#define CANARY_TRIES   50 /* of 100 ms: it has 5 seconds */
#define CANARY_WAIT_US 100000
#define REVERT_TRIES   10 /* looks; somebody else may be at work */
#define SWITCH_SECONDS 10 /* from the trial's record to `current`: the guard starts in between */
#define ARGUMENTS_MAX  16
#define WHY_CANARY     "programs can no longer be started"
#define WHY_DEADLINE   "nobody found it good in time"

static char *lock_path(const char *run)
{
	return memory_printf("%s/" LOCK_NAME, run);
}

bool guard_is_there(const Runtime *runtime)
{
	_cleanup_free_ char *path = lock_path(runtime->run);
	_cleanup_fd_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* This very program, where no mount and no disk can take it away. */
static int copy_self(int *ret_fd)
{
	_cleanup_fd_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), copy = -1;
	uint64_t size;
	int r;

	if (self < 0)
		return -errno;
	copy = memfd_create("suture-guard", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (copy < 0 && errno == EINVAL)
		copy = memfd_create("suture-guard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return -errno;
	r = fd_size(self, &size);
	if (r == 0)
		r = fd_copy(self, copy, size);
	if (r < 0)
		return r;
	if (fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = TAKE_FD(copy);
	return 0;
}

/* In an initrd the root will be moved to "/", and the run folder onto it. */
static bool moves(const char *root, const char *run)
{
	return strcmp(root, "/") != 0 && strcmp(run, "/run") == 0;
}

/* Whoever started it may wait for the end of its output. What the guard has to say goes to the
 * kernel's log, which journals keep, and which needs nothing that could be broken. */
static void let_go_of_output(const char *root)
{
	_cleanup_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), log = -1;

	if (strcmp(root, "/") == 0)
		log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log < 0 ? null : log, STDERR_FILENO);
}

/* No return. It is nobody's child and of no session, so that who started it may go. */
static void become_guard(const Runtime *runtime, bool at_boot, int self, int ready)
{
	const char *root = runtime->store->path[0] ? runtime->store->path : "/";
	const char *argv[ARGUMENTS_MAX];
	char ready_text[16];
	size_t n = 0;

	if (setsid() < 0 || fork() != 0)
		_exit(0);
	let_go_of_output(root);
	/* a systemd that leaves the initrd spares who has this sign (systemd's
	 * ROOT_STORAGE_DAEMONS)
	 */
	argv[n++] = moves(root, runtime->run) ? "@suture-activate" : "suture-activate";
	argv[n++] = "--root";
	argv[n++] = root;
	argv[n++] = "--run";
	argv[n++] = runtime->run;
	snprintf(ready_text, sizeof(ready_text), "%d", ready);
	argv[n++] = "--ready-fd";
	argv[n++] = ready_text;
	if (at_boot)
		argv[n++] = "--at-boot";
	argv[n++] = "guard";
	argv[n] = NULL;
	fcntl(ready, F_SETFD, 0);
	fexecve(self, (char *const *)argv, environ);
	_exit(127);
}

static int wait_until_ready(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	char byte;

	if (poll(&poller, 1, READY_MS) <= 0)
		return -ETIMEDOUT;
	return read(fd, &byte, 1) == 1 ? 0 : -EIO;
}

int guard_start(const Runtime *runtime, bool at_boot, Reason *reterr_reason)
{
	_cleanup_fd_ int self = -1, ours = -1, theirs = -1;
	int pipes[2], status, r = 0;
	pid_t child;

	if (guard_is_there(runtime))
		return 0;
	r = copy_self(&self);
	if (r == 0 && pipe2(pipes, O_CLOEXEC) < 0)
		r = -errno;
	if (r < 0)
		return reason_errno(reterr_reason, r, "the guard of the trial");
	ours = pipes[0];
	theirs = pipes[1];
	child = fork();
	if (child == 0)
		become_guard(runtime, at_boot, self, theirs);
	theirs = fd_close(theirs);
	if (child < 0)
		r = -errno;
	else if (waitpid(child, &status, 0) < 0)
		r = -errno;
	if (r == 0)
		r = wait_until_ready(ours);
	return r < 0 ? reason_errno(reterr_reason, r, "the guard of the trial did not start") : 0;
}

/* Positive: another guard is there. */
static int take_lock(const char *run, int *ret_fd)
{
	_cleanup_free_ char *path = lock_path(run);
	_cleanup_fd_ int fd =
		path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;

	if (fd < 0)
		return path ? -errno : -ENOMEM;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 1 : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static void tell_ready(int fd)
{
	if (fd < 0)
		return;
	(void)fd_write_full(fd, "r", 1);
	fd_close(fd);
}

/* What the kernel would take first when memory is short must not be the way back. */
static void harden(void)
{
	_cleanup_fd_ int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	if (oom >= 0)
		(void)fd_write_full(oom, "-1000", strlen("-1000"));
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* Whether the smallest program of the system can still be run. What is not there cannot tell, and
 * what takes long is not judged here. */
static bool canary_sings(const char *root)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		const char *const argv[] = {CANARY_PATH, NULL};

		if (strcmp(root, "/") != 0 && (chroot(root) < 0 || chdir("/") < 0))
			_exit(0);
		if (access(CANARY_PATH, X_OK) < 0)
			_exit(0);
		execv(CANARY_PATH, (char *const *)argv);
		_exit(127);
	}
	if (child < 0)
		return true;
	for (int i = 0; i < CANARY_TRIES; i++) {
		pid_t ended = waitpid(child, &status, WNOHANG);

		if (ended == child)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		usleep(CANARY_WAIT_US);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return true;
}

typedef struct Watch {
	const GuardDuty *duty;
	Store *store;
	Runtime *runtime;
	bool has_heard_canary;
} Watch;

/* 0 and why it has to go, or 1: wait on, or 2: the duty is over. */
static int look(Watch *watch, const char **ret_why)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	uint64_t now = time_boot_seconds();
	uint32_t current;
	unsigned window;

	if (trial_load(watch->store, &trial, NULL) != 0 ||
		store_current(watch->store, &current, NULL) < 0 ||
		runtime_find(watch->runtime, NULL) != 1)
		return 2;
	if (trial->generation != current)
		return now <= trial->started + SWITCH_SECONDS ? 1 : 2;
	window = watch->duty->at_boot ? trial->boot_window : trial->window;
	*ret_why = WHY_DEADLINE;
	if (now > trial->started + window + GUARD_GRACE)
		return 0;
	if (watch->has_heard_canary || now < trial->started + CANARY_SECONDS)
		return 1;
	watch->has_heard_canary = true;
	*ret_why = WHY_CANARY;
	return canary_sings(watch->duty->root) ? 1 : 0;
}

static int revert(const GuardDuty *duty, const char *why, Reason *reason)
{
	_cleanup_(activation_freep) Activation *activation = NULL;
	ActivationResult result;
	int r = activation_open(duty->root, duty->run, duty->features, false, &activation, reason);

	return r < 0 ? r : activation_revert(activation, why, &result, reason);
}

/* A boot that never completed has left nobody who could restart what is broken. */
static bool restart_is_due(const Watch *watch)
{
	return watch->duty->at_boot && strcmp(watch->duty->root, "/") == 0 &&
		!boot_is_blessed(watch->runtime);
}

static int give_up_trial(const Watch *watch, const char *why, bool *ret_restart, Reason *reason)
{
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < REVERT_TRIES; i++) {
		r = revert(watch->duty, why, reason);
		if (r == -EBUSY)
			poll(NULL, 0, LOOK_MS);
	}
	if (r == -ENODATA)
		return 0; /* it ended in this very moment */
	*ret_restart = restart_is_due(watch);
	return r < 0 ? r : reason_set(reason, 1, "reverted: %s", why);
}

static int keep_watch(Watch *watch, bool *ret_restart, Reason *reason)
{
	for (;;) {
		const char *why;
		int r = look(watch, &why);

		if (r == 0)
			return give_up_trial(watch, why, ret_restart, reason);
		if (r == 2)
			return 0;
		poll(NULL, 0, LOOK_MS);
	}
}

int guard_run(const GuardDuty *duty, bool *ret_restart, Reason *reason)
{
	GuardDuty is = *duty;
	Watch watch = {.duty = &is};
	_cleanup_fd_ int lock = -1;
	int r = take_lock(duty->run, &lock);

	if (r > 0) {
		tell_ready(duty->ready_fd);
		return 0;
	}
	/* waiting inside is being there when it has moved */
	if (r == 0 && moves(duty->root, duty->run)) {
		r = chroot(duty->root) < 0 || chdir("/") < 0 ? -errno : 0;
		is.root = "/";
	}
	if (r == 0)
		r = store_open(is.root, &watch.store, reason);
	if (r == 0)
		r = runtime_open(watch.store, is.run, is.features, &watch.runtime, reason);
	if (r == 0) {
		harden();
		tell_ready(duty->ready_fd);
		r = keep_watch(&watch, ret_restart, reason);
	}
	runtime_free(watch.runtime);
	store_free(watch.store);
	return r;
}
