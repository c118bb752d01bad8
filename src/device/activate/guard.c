/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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
#define CANARY_TRIES   50              /* of 100 ms: it has 5 seconds */
#define CANARY_WAIT_US 100000
#define REVERT_TRIES   10 /* looks; somebody else may be at work */
#define SWITCH_SECONDS 60 /* from the trial's record to `current`, on the slowest card */
#define ARGUMENTS_MAX  16
#define WHY_CANARY     "programs can no longer be started"
#define WHY_DEADLINE   "nobody found it good in time"

/* Seconds behind the start of the trial. */
static const uint64_t canary_seconds[] = {1, 3, 10, 30};

static char *lock_path(const char *run)
{
	return memory_printf("%s/" LOCK_NAME, run);
}

/* A lock of the open file, not flock(2): asking for it takes nothing, so that who only looks is
 * never mistaken for a guard (fcntl(2), "Open file description locks", Linux 3.15). */
static int lock_file(int fd, int command, struct flock *lock)
{
	*lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(fd, command, lock) < 0 ? -errno : 0;
}

bool guard_is_there(const Runtime *runtime)
{
	_cleanup_free_ char *path = lock_path(runtime->run);
	_cleanup_fd_ int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
	struct flock lock;

	return fd >= 0 && lock_file(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
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
static void let_go_of_output(const char *root, bool is_moving)
{
	_cleanup_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), log = -1;

	if (strcmp(root, "/") == 0 || is_moving)
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
	let_go_of_output(root, moves(root, runtime->run));
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

	struct flock lock;
	int r;

	if (fd < 0)
		return path ? -errno : -ENOMEM;
	r = lock_file(fd, F_OFD_SETLK, &lock);
	if (r == -EAGAIN || r == -EACCES)
		return 1;
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static void tell_ready(int fd)
{
	if (fd < 0)
		return;
	(void)fd_write_full(fd, "r", 1);
	fd_close(fd);
}

static void write_word(const char *path, const char *word)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)fd_write_full(fd, word, strlen(word));
}

/* What the kernel would take first when memory is short must not be the way back; and it must not
 * end with the service, or the session, that it was started from. */
static void harden(void)
{
	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	write_word("/proc/self/oom_score_adj", "-1000");
	write_word("/sys/fs/cgroup/cgroup.procs", "0");
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
	char boot[TRIAL_BOOT_ID_LEN + 1];
	bool waits_for_runtime; /* in an initrd: until the run folder was moved into the new root */
	uint32_t generation;    /* whose canary is heard, */
	uint64_t started;       /* in this try of it */
	size_t heard;           /* so many times */
} Watch;

/* What a look finds. */
typedef enum Sight { SIGHT_OVER, SIGHT_WAIT, SIGHT_REVERT } Sight;

/* What cannot be read just now may be there all the same: only what is seen to be gone ends it. */
static Sight look_at_runtime(Watch *watch)
{
	int r = runtime_find(watch->runtime, NULL);

	if (r == 1)
		watch->waits_for_runtime = false;
	return r == 0 && !watch->waits_for_runtime ? SIGHT_OVER : SIGHT_WAIT;
}

/* The mounts may move a moment after the trial's start: it is heard more than once. */
static Sight listen(Watch *watch, const Trial *trial, uint64_t now)
{
	if (watch->generation != trial->generation || watch->started != trial->started) {
		watch->generation = trial->generation;
		watch->started = trial->started;
		watch->heard = 0;
	}
	if (watch->heard == ARRAY_SIZE(canary_seconds) ||
		now < trial->started + canary_seconds[watch->heard])
		return SIGHT_WAIT;
	watch->heard++;
	return canary_sings(watch->duty->root) ? SIGHT_WAIT : SIGHT_REVERT;
}

static Sight look(Watch *watch, const char **ret_why)
{
	_cleanup_(trial_freep) Trial *trial = NULL;
	uint64_t now = time_boot_seconds();
	unsigned window;
	uint32_t current;
	int r = trial_load(watch->store, &trial, NULL);

	if (r < 0 || store_current(watch->store, &current, NULL) < 0)
		return SIGHT_WAIT;
	/* one that no boot has begun yet is not this guard's */
	if (r > 0 || strcmp(trial->boot, watch->boot) != 0)
		return SIGHT_OVER;
	if (trial->generation != current)
		return now <= trial->started + SWITCH_SECONDS ? SIGHT_WAIT : SIGHT_OVER;
	if (look_at_runtime(watch) == SIGHT_OVER)
		return SIGHT_OVER;
	window = watch->duty->at_boot ? trial->boot_window : trial->window;
	*ret_why = WHY_DEADLINE;
	if (now > trial->started + window + GUARD_GRACE)
		return SIGHT_REVERT;
	*ret_why = WHY_CANARY;
	return listen(watch, trial, now);
}

/* That nobody said "settled" may be for want of somebody: only what was seen to fail is bad for
 * good.
 */
static int revert(const GuardDuty *duty, const char *why, Reason *reason)
{
	_cleanup_(activation_freep) Activation *activation = NULL;
	ActivationResult result;
	int r = activation_open(duty->root, duty->run, duty->features, false, &activation, reason);

	return r < 0 ? r
		     : activation_revert(
			       activation, 0, why, strcmp(why, WHY_CANARY) == 0, &result, reason);
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

/* 0: it is over. Where going back fails, it is tried again until somebody ends the trial. */
static int keep_watch(Watch *watch, bool *ret_restart, Reason *reason)
{
	for (;;) {
		const char *why;
		Sight sight = look(watch, &why);
		int r = 0;

		if (sight == SIGHT_OVER)
			return 0;
		if (sight == SIGHT_REVERT)
			r = give_up_trial(watch, why, ret_restart, reason);
		if (r > 0 || *ret_restart)
			return r;
		poll(NULL, 0, LOOK_MS);
	}
}

/* Who starts a trial in the moment in which this guard ends trusts in its lock: after letting go of
 * it there is one more look. */
static int keep_watch_locked(Watch *watch, int *lock, bool *ret_restart, Reason *reason)
{
	for (;;) {
		const char *why;
		int r = keep_watch(watch, ret_restart, reason);

		if (r != 0 || *ret_restart)
			return r;
		*lock = fd_close(*lock);
		if (look(watch, &why) == SIGHT_OVER || take_lock(watch->duty->run, lock) != 0)
			return 0;
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
	watch.waits_for_runtime = moves(duty->root, duty->run);
	if (r == 0)
		r = trial_boot_id(watch.boot, reason);
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
		r = keep_watch_locked(&watch, &lock, ret_restart, reason);
	}
	runtime_free(watch.runtime);
	store_free(watch.store);
	return r;
}
