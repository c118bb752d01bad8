/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Processes: running one helper program with chosen descriptors.
 *
 *     Process p = {.argv = argv, .map = {{socket, 3}}, .map_count = 1};
 *     r = process_start(&p);  …  r = process_wait(&p, &status);
 *
 * The child has the mapped descriptors and standard error; nothing else is inherited, not even what
 * our own caller left open.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/reason.h"

#define PROCESS_MAPS_MAX 6

typedef struct Process {
	const char *const *argv; /* argv[0] is the program's path */
	struct {
		int from; /* stays open in the parent */
		int to;
	} map[PROCESS_MAPS_MAX];
	size_t map_count;
	bool ends_with_us;  /* SIGTERM when this process ends, however it ends */
	bool in_background; /* gets processor and disk only when nobody else wants them */
	bool leads_group;   /* process_exchange(): what it leaves behind is killed when it ends */
	unsigned seconds;   /* process_exchange(): the time it has; 0: as long as it takes */
	Reason *warning;    /* process_exchange(), or NULL: its last line where it ended well */
	pid_t pid;          /* set by process_start() */
} Process;

int process_start(Process *process, Reason *reterr_reason);

/* Waits for the end. *ret_status: the exit code, or 128 + the number of the signal that ended it.
 */
int process_wait(Process *process, int *ret_status);

/* Runs to the end, input on standard input (NULL: /dev/null), and returns what was printed on
 * standard output until then, at most max bytes. 0 with *ret_status as above; the caller frees
 * *ret_output. The last line that it wrote to standard error becomes the reason when the status is
 * not 0. */
int process_run(const char *const *argv, const void *input, size_t input_size, size_t max,
	uint8_t **ret_output, size_t *ret_size, int *ret_status, Reason *reterr_reason);

/* The same for a process with descriptors of its own in its map: three places must be left in it.
 * -ETIMEDOUT when it took longer than its time; it is killed then. */
int process_exchange(Process *process, const void *input, size_t input_size, size_t max,
	uint8_t **ret_output, size_t *ret_size, int *ret_status, Reason *reterr_reason);

/* A file to map to a child's standard error, and what it said there: the last line, without the
 * program's name before it. The descriptor or a negative errno. */
int process_complaint_new(void);
void process_complaint_read(int complaint, Reason *ret_reason);

/* For this process what `in_background` is for a child. What the kernel or a sandbox refuses of it
 * is no reason not to go on. */
void process_step_back(void);

/* The path of a program of this project: beside the running program, or in ../libexec/suture of its
 * folder. A build tree, an installation and a DESTDIR thus all find their own. Caller frees. */
int process_find_helper(const char *name, char **ret_path, Reason *reterr_reason);
