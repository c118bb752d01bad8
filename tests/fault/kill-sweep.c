/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill-sweep LIST WHERE PROGRAM [ARGUMENT…]
 *
 * Runs a program and kills it, and every process that it has started, at the entry of a system
 * call, which is then not made. WHERE is its number, or NAME=NUMBER for the so-manieth call of that
 * name: numbers move a little from run to run, as calls that wait come as often as they are woken.
 * Calls are counted from 1 over all processes, beginning behind the program's exec; with number 0
 * nothing is killed. LIST gets the name of each call in order, the one that was not made last;
 * calls that open a file to write to it have "-write" behind the name.
 *
 * Exit code: 137 when it has killed, otherwise the program's; 125 when it could not do its work.
 * tests/lib/killsweep.py drives it. Linux 5.3 for PTRACE_GET_SYSCALL_INFO.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_KILLED   137
#define EXIT_TROUBLE  125
#define NAME_SIZE     64
#define PROCESSES_MAX 256 /* alive at once, threads included; what is swept has a handful */

static const char *const names[] = {
#include "syscall-names.h"
};

typedef struct Sweep {
	FILE *list;
	const char *target_name; /* NULL: any call */
	unsigned long count, target;
	bool is_counting, has_killed;
	pid_t first;
	int exit_code;
	pid_t alive[PROCESSES_MAX];
	size_t alive_count;
} Sweep;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "kill-sweep: %s: %s\n", what, strerror(errno));
	exit(EXIT_TROUBLE); /* PTRACE_O_EXITKILL ends the rest */
}

static void remember(Sweep *sweep, pid_t pid)
{
	for (size_t i = 0; i < sweep->alive_count; i++)
		if (sweep->alive[i] == pid)
			return;
	if (sweep->alive_count == PROCESSES_MAX) {
		errno = E2BIG;
		fail("processes");
	}
	sweep->alive[sweep->alive_count++] = pid;
}

static void forget(Sweep *sweep, pid_t pid)
{
	for (size_t i = 0; i < sweep->alive_count; i++)
		if (sweep->alive[i] == pid)
			sweep->alive[i] = sweep->alive[--sweep->alive_count];
}

static const char *name_of(uint64_t number)
{
	const char *name = number < sizeof(names) / sizeof(*names) ? names[number] : NULL;

	return name ? name : "unknown";
}

static bool opens_to_write(uint64_t number, const uint64_t *arguments)
{
	const uint64_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;

#ifdef SYS_open
	if (number == SYS_open)
		return arguments[1] & writing;
#endif
	return number == SYS_openat && arguments[2] & writing;
}

static void kill_all(Sweep *sweep)
{
	sweep->has_killed = true;
	for (size_t i = 0; i < sweep->alive_count; i++)
		kill(sweep->alive[i], SIGKILL);
}

static void count(Sweep *sweep, const struct __ptrace_syscall_info *info)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s%s", name_of(info->entry.nr),
		opens_to_write(info->entry.nr, (const uint64_t *)info->entry.args) ? "-write" : "");
	fprintf(sweep->list, "%s\n", name);
	if (sweep->target_name && strcmp(sweep->target_name, name) != 0)
		return;
	if (++sweep->count == sweep->target)
		kill_all(sweep);
}

static void at_syscall(Sweep *sweep, pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (!sweep->is_counting || sweep->has_killed)
		return;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0) {
		if (errno == ESRCH)
			return; /* killed by somebody else meanwhile */
		fail("PTRACE_GET_SYSCALL_INFO");
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	count(sweep, &info);
}

static bool stops_a_group(int event, int number)
{
	return event == PTRACE_EVENT_STOP &&
		(number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU);
}

static void at_stop(Sweep *sweep, pid_t pid, int status)
{
	int number = WSTOPSIG(status), event = status >> 16;
	long deliver = 0;

	if (number == (SIGTRAP | 0x80))
		at_syscall(sweep, pid);
	else if (event == PTRACE_EVENT_EXEC)
		sweep->is_counting = true;
	else if (event == 0)
		deliver = number;
	if (sweep->has_killed)
		kill(pid, SIGKILL); /* may have been born since */
	ptrace(stops_a_group(event, number) ? PTRACE_LISTEN : PTRACE_SYSCALL, pid, 0, deliver);
}

static void at_end(Sweep *sweep, pid_t pid, int status)
{
	forget(sweep, pid);
	if (pid == sweep->first)
		sweep->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void follow(Sweep *sweep)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return; /* nobody is left */
		if (!WIFSTOPPED(status)) {
			at_end(sweep, pid, status);
			continue;
		}
		remember(sweep, pid);
		at_stop(sweep, pid, status);
	}
}

/* The child waits until it is being traced. */
static pid_t start(char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int gate[2];
	pid_t pid;
	char byte;

	if (pipe2(gate, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		fail("fork");
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 0)
			execvp(argv[0], argv);
		fail(argv[0]);
	}
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		fail("PTRACE_SEIZE");
	close(gate[0]);
	close(gate[1]);
	return pid;
}

static void read_target(Sweep *sweep, char *where)
{
	char *equals = strchr(where, '=');

	if (equals) {
		*equals = '\0';
		sweep->target_name = where;
	}
	sweep->target = strtoul(equals ? equals + 1 : where, NULL, 10);
}

int main(int argc, char **argv)
{
	Sweep sweep = {0};

	if (argc < 4) {
		fprintf(stderr, "usage: kill-sweep LIST WHERE PROGRAM [ARGUMENT...]\n");
		return EXIT_TROUBLE;
	}
	sweep.list = fopen(argv[1], "we");
	if (!sweep.list)
		fail(argv[1]);
	read_target(&sweep, argv[2]);
	sweep.first = start(argv + 3);
	remember(&sweep, sweep.first);
	follow(&sweep);
	if (fclose(sweep.list) != 0)
		fail(argv[1]);
	return sweep.has_killed ? EXIT_KILLED : sweep.exit_code;
}
