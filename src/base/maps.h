/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Maps: which files the processes of this machine have mapped, from /proc/PID/maps.
 *
 * A process that ends while it is looked at is no error: it just maps nothing any more.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAPS_TEXT_MAX ((size_t)64 * 1024 * 1024) /* 65530 mappings, the kernel's default limit */

typedef struct Mapping {
	const char *range; /* "7f12…-7f34…": the name in /proc/PID/map_files */
	bool executable;
	unsigned major, minor; /* of the superblock; an overlay's own, not that of a layer */
	uint64_t inode;        /* 0: no file behind it */
	const char *path; /* as the kernel spells it, perhaps with " (deleted)"; may be empty */
} Mapping;

/* Pure: cuts a line in place. 0 or -EBADMSG. */
int mapping_parse(char *line, Mapping *ret);

/* Positive condition of maps_visit(): we are not allowed to look at this process. */
#define MAPS_DENIED 1

/* Calls visit for each mapping of a file. A negative result ends the walk and is returned. */
typedef int (*MapsVisit)(pid_t pid, const Mapping *mapping, void *context);
int maps_visit(pid_t pid, MapsVisit visit, void *context);

/* The same for those that are executable, which a kernel since 6.11 is asked for alone: a fifth of
 * all, and no text has to be made of them. One may be visited twice. */
int maps_visit_executable(pid_t pid, MapsVisit visit, void *context);

/* Test hook: from now on the text is read, as on an older kernel. */
void maps_use_text(bool use);

/* Calls visit for each process; kernel threads are among them. */
int processes_visit(int (*visit)(pid_t pid, void *context), void *context);
