/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"

#define COMPLAINT_SIZE_MAX  ((size_t)1 << 20)
#define EXIT_CANNOT_EXECUTE 127 /* as a shell reports it */
#define FIRST_FREE_FD       64  /* above every target number of a map */

/* First all sources move out of the way of all targets, then each goes to its place. dup2() clears
 * O_CLOEXEC, so exactly the mapped descriptors survive. */
static int place_descriptors(Process *process)
{
	for (size_t i = 0; i < process->map_count; i++) {
		int fd = fcntl(process->map[i].from, F_DUPFD_CLOEXEC, FIRST_FREE_FD);

		if (fd < 0)
			return -errno;
		process->map[i].from = fd;
	}
	for (int fd = 0; fd <= 1; fd++) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null < 0 || dup2(null, fd) < 0)
			return -errno;
		if (null > STDERR_FILENO)
			close(null);
	}
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	for (size_t i = 0; i < process->map_count; i++)
		if (dup2(process->map[i].from, process->map[i].to) < 0)
			return -errno;
	return 0;
}

/* IOPRIO_PRIO_VALUE of the idle class, linux/ioprio.h. */
void process_step_back(void)
{
	const struct sched_param none = {};

	(void)sched_setscheduler(0, SCHED_IDLE, &none);
	(void)syscall(SYS_ioprio_set, 1 /* a process */, 0, 3 << 13 /* idle */);
}

_Noreturn static void become(Process *process, pid_t parent)
{
	sigset_t none;

	if (process->ends_with_us && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
		_exit(EXIT_CANNOT_EXECUTE);

	if (process->in_background)
		process_step_back();
	if (process->leads_group && setpgid(0, 0) < 0)
		_exit(EXIT_CANNOT_EXECUTE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (place_descriptors(process) == 0)
		execv(process->argv[0], (char *const *)process->argv);
	_exit(EXIT_CANNOT_EXECUTE);
}

int process_start(Process *process, Reason *reterr_reason)
{
	pid_t pid, parent = getpid();

	if (access(process->argv[0], X_OK) < 0)
		return reason_errno(reterr_reason, -errno, "cannot run %s", process->argv[0]);
	pid = fork();
	if (pid < 0)
		return reason_errno(reterr_reason, -errno, "cannot start %s", process->argv[0]);
	if (pid == 0)
		become(process, parent);
	process->pid = pid;
	return 0;
}

int process_wait(Process *process, int *ret_status)
{
	int status;

	while (waitpid(process->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	process->pid = 0;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

/* Before it is waited for: as long as that number cannot be another's. */
static void end_group(const Process *process)
{
	if (process->leads_group)
		kill(-process->pid, SIGKILL);
}

static void reap(Process *process)
{
	int status;

	if (process->pid > 0) {
		end_group(process);
		kill(process->pid, SIGKILL);
		process_wait(process, &status);
	}
}

int process_complaint_new(void)
{
	return fd_of_data("complaint", NULL, 0);
}

void process_complaint_read(int complaint, Reason *ret_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	char *line, *cursor, *last = NULL, *colon;
	size_t size;

	if (lseek(complaint, 0, SEEK_SET) < 0 ||
		fd_read_all(complaint, COMPLAINT_SIZE_MAX, &text, &size) < 0)
		return;
	cursor = (char *)text;
	while ((line = text_next_line(&cursor)))
		last = line[0] ? line : last;
	if (!last)
		return;
	colon = strstr(last, ": ");
	reason_set(ret_reason, 0, "%s", colon ? colon + 2 : last);
}

/* 0: there is something to read; 1: the process has ended, whoever else may still write. */
static int await(int out, int pidfd, uint64_t end_us)
{
	struct pollfd polled[] = {{.fd = pidfd, .events = POLLIN}, {.fd = out, .events = POLLIN}};

	for (;;) {
		uint64_t now = time_monotonic_us();
		int n;

		if (end_us > 0 && now >= end_us)
			return -ETIMEDOUT;
		n = poll(polled, 2, end_us > 0 ? (int)((end_us - now) / 1000 + 1) : -1);
		if (n > 0)
			return polled[0].revents != 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* Reads once: how much, or 0 at the end. */
static int read_once(int out, size_t limit, size_t max, Buffer *output)
{
	uint8_t chunk[4096];
	ssize_t n = fd_read_some(out, chunk, limit < sizeof(chunk) ? limit : sizeof(chunk));
	int r;

	if (n <= 0)
		return (int)n;
	if ((size_t)n > max - output->size)
		return -EFBIG;
	r = buffer_append(output, chunk, (size_t)n);
	return r < 0 ? r : (int)n;
}

/* What was written before the process ended, and no more: its children may write for ever. */
static int read_rest(int out, size_t max, Buffer *output)
{
	int left, n = 1;

	if (ioctl(out, FIONREAD, &left) < 0)
		return -errno;
	for (; left > 0 && n > 0; left -= n)
		n = read_once(out, (size_t)left, max, output);
	return n < 0 ? n : 0;
}

/* To the end of the process, which may close its output before, or leave it to others. */
static int read_output(Process *process, int out, size_t max, uint64_t end_us, Buffer *output)
{
	_cleanup_fd_ int pidfd = pidfd_open(process->pid, 0);
	int n = 1;

	if (pidfd < 0)
		return -errno;
	do {
		int r = await(n > 0 ? out : -1, pidfd, end_us);

		if (r != 0)
			return r < 0 ? r : read_rest(out, max, output);
		n = read_once(out, SIZE_MAX, max, output);
	} while (n >= 0);
	return n;
}

static int collect(Process *process, int out, size_t max, uint8_t **ret_output, size_t *ret_size,
	int *ret_status, Reason *reason)
{
	uint64_t end_us =
		process->seconds ? time_monotonic_us() + process->seconds * UINT64_C(1000000) : 0;
	_cleanup_buffer_ Buffer output = {};
	int r = buffer_append(&output, "", 0);

	if (r == 0)
		r = read_output(process, out, max, end_us, &output);
	if (r < 0)
		return reason_errno(reason, r, "output of %s", path_name(process->argv[0]));
	end_group(process);
	r = process_wait(process, ret_status);
	if (r < 0)
		return r;
	*ret_size = output.size;
	*ret_output = TAKE_PTR(output.data);
	return 0;
}

static void map_descriptor(Process *process, int from, int to)
{
	assert(process->map_count < PROCESS_MAPS_MAX);
	process->map[process->map_count].from = from;
	process->map[process->map_count++].to = to;
}

int process_exchange(Process *process, const void *input, size_t input_size, size_t max,
	uint8_t **ret_output, size_t *ret_size, int *ret_status, Reason *reterr_reason)
{
	_cleanup_fd_ int in = fd_of_data("input", input, input_size), out = -1, out_child = -1;
	_cleanup_fd_ int complaint = process_complaint_new();
	int ends[2], r;

	if (in < 0 || complaint < 0)
		return in < 0 ? in : complaint;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	out = ends[0];
	out_child = ends[1];
	map_descriptor(process, in, STDIN_FILENO);
	map_descriptor(process, out_child, STDOUT_FILENO);
	map_descriptor(process, complaint, STDERR_FILENO);
	r = process_start(process, reterr_reason);
	if (r < 0)
		return r;
	out_child = fd_close(out_child);
	r = collect(process, out, max, ret_output, ret_size, ret_status, reterr_reason);
	if (r < 0)
		reap(process);
	else if (*ret_status != 0 && reterr_reason)
		process_complaint_read(complaint, reterr_reason);
	else if (*ret_status == 0 && process->warning)
		process_complaint_read(complaint, process->warning);
	return r;
}

int process_run(const char *const *argv, const void *input, size_t input_size, size_t max,
	uint8_t **ret_output, size_t *ret_size, int *ret_status, Reason *reterr_reason)
{
	Process process = {.argv = argv};

	return process_exchange(
		&process, input, input_size, max, ret_output, ret_size, ret_status, reterr_reason);
}

int process_find_helper(const char *name, char **ret_path, Reason *reterr_reason)
{
	static const char *const places[] = {"", "../libexec/suture/", "../../bin/"};
	_cleanup_free_ char *self = memory_new(PATH_MAX), *folder = NULL;

	if (!self)
		return -ENOMEM;
	if (readlink("/proc/self/exe", self, PATH_MAX - 1) < 0)
		return reason_errno(reterr_reason, -errno, "cannot read /proc/self/exe");
	folder = path_parent(self);
	for (size_t i = 0; folder && i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = memory_printf("%s/%s%s", folder, places[i], name);

		if (path && access(path, X_OK) == 0) {
			*ret_path = TAKE_PTR(path);
			return 0;
		}
	}
	return reason_set(reterr_reason, -ENOENT, "%s is not installed beside %s", name, self);
}
