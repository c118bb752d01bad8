/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

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

_Noreturn static void become(Process *process, pid_t parent)
{
	sigset_t none;

	if (process->ends_with_us && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
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

static void reap(Process *process)
{
	int status;

	if (process->pid > 0) {
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

static int collect(Process *process, int out, size_t max, uint8_t **ret_output, size_t *ret_size,
	int *ret_status, Reason *reason)
{
	_cleanup_free_ uint8_t *output = NULL;
	size_t size;
	int r = fd_read_all(out, max, &output, &size);

	if (r < 0)
		return reason_errno(reason, r, "output of %s", path_name(process->argv[0]));
	r = process_wait(process, ret_status);
	if (r < 0)
		return r;
	*ret_output = TAKE_PTR(output);
	*ret_size = size;
	return 0;
}

int process_run(const char *const *argv, const void *input, size_t input_size, size_t max,
	uint8_t **ret_output, size_t *ret_size, int *ret_status, Reason *reterr_reason)
{
	_cleanup_(reap) Process process = {.argv = argv, .map_count = 3};
	_cleanup_fd_ int in = fd_of_data("input", input, input_size), out = -1, out_child = -1;
	_cleanup_fd_ int complaint = process_complaint_new();
	int ends[2], r;

	if (in < 0 || complaint < 0)
		return in < 0 ? in : complaint;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	out = ends[0];
	out_child = ends[1];
	process.map[0].from = in;
	process.map[0].to = STDIN_FILENO;
	process.map[1].from = out_child;
	process.map[1].to = STDOUT_FILENO;
	process.map[2].from = complaint;
	process.map[2].to = STDERR_FILENO;
	r = process_start(&process, reterr_reason);
	if (r < 0)
		return r;
	out_child = fd_close(out_child);
	r = collect(&process, out, max, ret_output, ret_size, ret_status, reterr_reason);
	if (r == 0 && *ret_status != 0 && reterr_reason)
		process_complaint_read(complaint, reterr_reason);
	return r;
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
