/* SPDX-License-Identifier: Apache-2.0 */
#include "device/facts/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "device/facts/metrics.h"
#include "device/facts/place.h"
#include "device/facts/restart.h"
#include "device/facts/wording.h"
#include "device/manager/status.h"
#include "wire/json/document.h"

#define TURN_PATH      "run/suture.facts"
#define TURN_TRIES     100
#define TURN_PAUSE_NS  50000000 /* 100 times this: a status takes milliseconds */
#define METRICS_FOLDER "var/lib/prometheus/node-exporter"

/* systemd 254 and later; an older one restarts the machine instead. */
#define SOFT_REBOOT_UNIT "usr/lib/systemd/system/soft-reboot.target"

static const struct {
	const char *path;
	int (*write)(const json_t *status, Buffer *text);
	const char *folder; /* NULL: made where it is missing; else only written where it is */
} files[] = {
	{STORE_RUN "/patch-release", wording_release, NULL},
	{"run/motd.d/50-suture", wording_message, NULL},
	{"run/issue.d/50-suture.issue", wording_issue, NULL},
	{METRICS_FOLDER "/suture.prom", metrics_write, METRICS_FOLDER},
};

static int open_root(const char *root, Reason *reterr_reason)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? reason_errno(reterr_reason, -errno, "%s", root) : fd;
}

int facts_take_turn(const char *root, int *ret_turn, Reason *reterr_reason)
{
	const struct timespec pause = {.tv_nsec = TURN_PAUSE_NS};
	_cleanup_fd_ int dir = open_root(root, reterr_reason), fd = -1;
	int r = dir < 0 ? dir : path_make_parent(dir, TURN_PATH, 0755);

	if (r < 0)
		return r;
	fd = openat(dir, TURN_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return reason_errno(reterr_reason, -errno, "cannot open %s/" TURN_PATH, root);
	for (int i = 0; i < TURN_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			*ret_turn = TAKE_FD(fd);
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	return reason_set(reterr_reason, -EBUSY, "another program holds %s/" TURN_PATH, root);
}

/* Everybody may pass it, and nobody else list it, whoever makes it (device/activate/runtime.h). */
static int make_folder(int root, const char *path)
{
	return strcmp(path, files[0].path) == 0 ? path_make_parent(root, path, 0711) : 0;
}

static int put(int dir, const char *path, const Buffer *text)
{
	return text->size > 0 ? place_put(dir, path, text, false) : place_remove(dir, path);
}

/* The folder is of a user of its own, to whom no way leads out of it. */
static int put_if_there(int root, const char *folder, const char *name, const Buffer *text)
{
	const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	_cleanup_fd_ int dir = (int)syscall(SYS_openat2, root, folder, &how, sizeof(how));

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	return put(dir, name, text);
}

static int write_file(int root, size_t i, const json_t *status)
{
	_cleanup_buffer_ Buffer text = {};
	const char *path = files[i].path;
	int r = files[i].write(status, &text);

	if (r < 0)
		return r;
	if (files[i].folder)
		return put_if_there(root, files[i].folder, path_name(path), &text);
	r = text.size > 0 ? make_folder(root, path) : 0;
	return r < 0 ? r : put(root, path, &text);
}

/* As strong as this system can do it. */
static const char *find_way(int root, const json_t *status)
{
	const char *way = restart_wanted(status);

	return way && !file_exists(root, SOFT_REBOOT_UNIT) ? "reboot" : way;
}

int facts_write(const char *root, const json_t *status, Reason *reterr_reason)
{
	_cleanup_fd_ int dir = open_root(root, reterr_reason);
	Reason reason = {};
	int r, first = 0;

	if (dir < 0)
		return dir;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		r = write_file(dir, i, status);
		if (r < 0 && first == 0)
			first = reason_errno(&reason, r, "cannot write %s/%s",
				strcmp(root, "/") == 0 ? "" : root, files[i].path);
	}
	r = restart_flags_write(dir, find_way(dir, status), first == 0 ? &reason : NULL);
	if (first == 0)
		first = r;
	if (first < 0 && reterr_reason)
		*reterr_reason = reason;
	return first;
}

int facts_refresh(const char *root, json_t **ret_status, Reason *reterr_reason)
{
	_cleanup_manager_ Manager manager = {.lock = -1, .urgent = -1};
	_cleanup_json_ json_t *status = NULL;
	_cleanup_fd_ int turn = -1;
	int r = facts_take_turn(root, &turn, reterr_reason);

	if (r == 0)
		r = manager_open(root, &manager, reterr_reason);
	if (r == 0)
		r = manager_load(&manager);
	if (r == 0)
		r = status_make(&manager, &status, reterr_reason);
	if (r == 0)
		r = facts_write(root, status, reterr_reason);
	if (r == 0 && ret_status)
		*ret_status = TAKE_PTR(status);
	return r;
}
