/* SPDX-License-Identifier: Apache-2.0 */
/* measure FILE PROGRAM [ARGUMENT…]: runs it and writes its CPU time in microseconds and its peak
 * memory in KiB to FILE. A small parent of its own: a child inherits the peak of who forked it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long microseconds(const struct timeval *time)
{
	return time->tv_sec * 1000000 + time->tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status = 0;
	pid_t child;
	FILE *file;

	if (argc < 3)
		return 64;
	child = fork();
	if (child == 0) {
		execv(argv[2], argv + 2);
		_exit(127);
	}
	for (int fd = 3; fd < 16; fd++)
		close(fd); /* the end of a socket shows when the child has ended */
	if (wait4(child, &status, 0, &usage) != child)
		return 1;
	file = fopen(argv[1], "w");
	if (!file)
		return 1;
	fprintf(file, "%ld %ld\n", microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime),
		usage.ru_maxrss);
	fclose(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
