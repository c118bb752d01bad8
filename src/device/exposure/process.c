/* SPDX-License-Identifier: Apache-2.0 */
#include "device/exposure/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define TEXT_MAX       65536 /* of a file in /proc/PID */
#define PROC_PATH_SIZE 64
#define UNIFIED        "0::"
#define START_FIELD    22 /* of /proc/PID/stat, proc(5); the second ends with the last bracket */
#define SINCE_TEXT_MAX 32

/* The path in the unified hierarchy; the text is cut in place. NULL without one. */
static char *unified_path(char *text)
{
	char *cursor = text, *line;

	while ((line = text_next_line(&cursor)))
		if (text_starts_with(line, UNIFIED "/"))
			return line + strlen(UNIFIED);
	return NULL;
}

int exposure_unit_of(const char *cgroup, char **ret_unit)
{
	_cleanup_free_ char *copy = memory_string(cgroup);
	char *path, *unit = NULL, *rest;

	if (!copy)
		return -ENOMEM;
	path = unified_path(copy);
	for (char *part = path ? strtok_r(path, "/", &rest) : NULL; part;
		part = strtok_r(NULL, "/", &rest))
		if (text_ends_with(part, ".service") || text_ends_with(part, ".scope"))
			unit = part;
	if (!unit)
		return -ENOENT;
	*ret_unit = memory_string(unit);
	return *ret_unit ? 0 : -ENOMEM;
}

static int read_text(pid_t pid, const char *name, char **ret_text)
{
	char path[PROC_PATH_SIZE];
	uint8_t *text = NULL;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	r = file_read(AT_FDCWD, path, TEXT_MAX, &text, &size);
	if (r == 0)
		*ret_text = (char *)text;
	return r;
}

static int read_link(pid_t pid, const char *name, char **ret_target)
{
	char path[PROC_PATH_SIZE], target[PATH_TEXT_MAX + 1] = "";

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		target[0] = '\0';
	*ret_target = memory_string(target);
	return *ret_target ? 0 : -ENOMEM;
}

static int describe_cgroup(pid_t pid, Exposed *exposed)
{
	_cleanup_free_ char *text = NULL;
	char *path;
	int r = read_text(pid, "cgroup", &text);

	if (r == 0)
		r = exposure_unit_of(text, &exposed->unit);
	path = text ? unified_path(text) : NULL;
	exposed->cgroup = memory_string(path ? path : "");
	return r == -ENOMEM || !exposed->cgroup ? -ENOMEM : 0;
}

int process_describe(pid_t pid, Exposed *exposed)
{
	_cleanup_free_ char *comm = NULL;
	int r = read_text(pid, "comm", &comm);

	if (r == 0)
		snprintf(exposed->comm, sizeof(exposed->comm), "%.*s", (int)strcspn(comm, "\n"),
			comm);
	if (r != -ENOMEM)
		r = read_link(pid, "exe", &exposed->exe);
	if (r == 0)
		r = read_link(pid, "root", &exposed->root);
	return r == 0 ? describe_cgroup(pid, exposed) : r;
}

int process_describe_again(const Exposed *other, Exposed *exposed)
{
	memcpy(exposed->comm, other->comm, sizeof(exposed->comm));
	exposed->exe = memory_string(other->exe);
	exposed->root = memory_string(other->root);
	exposed->cgroup = memory_string(other->cgroup);
	exposed->unit = other->unit ? memory_string(other->unit) : NULL;
	return exposed->exe && exposed->root && exposed->cgroup && (!other->unit || exposed->unit)
		? 0
		: -ENOMEM;
}

int process_start_of(const char *stat, uint64_t *ret_microseconds)
{
	const char *field = strrchr(stat, ')');
	long per_second = sysconf(_SC_CLK_TCK);
	char word[24];
	uint64_t ticks;

	for (int i = 2; field && i < START_FIELD; i++) {
		field = strchr(field, ' ');
		field = field ? field + 1 : NULL;
	}
	if (!field)
		return -EBADMSG;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(field, " "), field);
	if (text_to_u64(word, INT64_MAX / 1000000, &ticks) < 0)
		return -EBADMSG;
	*ret_microseconds = ticks * 1000000 / (uint64_t)per_second;
	return 0;
}

/* -ENOENT: it is not attached. */
static int read_since(const Store *store, const Digest *image, uint64_t *ret_microseconds)
{
	char digest[DIGEST_TEXT_SIZE], path[sizeof(STORE_RUN_SINCE) + DIGEST_TEXT_SIZE];
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r;

	digest_to_text(image, digest);
	snprintf(path, sizeof(path), STORE_RUN_SINCE "/%s", digest);
	r = file_read(store->root, path, SINCE_TEXT_MAX, &text, &size);
	if (r < 0)
		return r;
	text[strcspn((char *)text, "\n")] = '\0';
	return text_to_u64((char *)text, INT64_MAX, ret_microseconds);
}

int process_may_run(const Store *store, pid_t pid, const ExposureFile *host)
{
	_cleanup_free_ char *stat = NULL;
	uint64_t since = host->since_us, start;
	int r = since > 0 ? 0 : read_since(store, &host->digest, &since);

	if (r < 0)
		return r == -ENOMEM ? r : 1; /* what is not known to be fixed may be old */
	r = read_text(pid, "stat", &stat);
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* it ended */
	return process_start_of(stat, &start) < 0 || start <= since;
}
