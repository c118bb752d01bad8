/* SPDX-License-Identifier: Apache-2.0 */
#include "device/trial/health.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "base/time.h"

#define OUTPUT_MAX ((size_t)1 << 20)
#define SECOND_US  UINT64_C(1000000)

typedef struct Checks {
	char *paths[HEALTH_CHECKS_MAX];
	size_t count;
} Checks;

static void checks_done(Checks *checks)
{
	for (size_t i = 0; i < checks->count; i++)
		free(checks->paths[i]);
}

static bool has_name(const Checks *checks, const char *name)
{
	for (size_t i = 0; i < checks->count; i++)
		if (strcmp(path_name(checks->paths[i]), name) == 0)
			return true;
	return false;
}

static int add_check(Checks *checks, const char *folder, const char *name, Reason *reason)
{
	if (name[0] == '.' || has_name(checks, name))
		return 0;
	if (checks->count == HEALTH_CHECKS_MAX)
		return reason_set(
			reason, 1, "%s: more than %d health checks", folder, HEALTH_CHECKS_MAX);
	checks->paths[checks->count] = path_join(folder, name);
	return checks->paths[checks->count] ? (checks->count++, 0) : -ENOMEM;
}

/* A folder that cannot be read may hide a check, but one that is not there has none. */
static int list_folder(Checks *checks, const char *root, const char *place, Reason *reason)
{
	_cleanup_free_ char *folder = path_join(root, place);
	struct dirent *entry;
	DIR *stream;
	int r = 0;

	if (!folder)
		return -ENOMEM;
	stream = opendir(folder);
	if (!stream && errno != ENOENT)
		return reason_errno(reason, 1, "%s cannot be read", folder);
	while (r == 0 && stream && (entry = readdir(stream)))
		r = add_check(checks, folder, entry->d_name, reason);
	if (stream)
		closedir(stream);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(path_name(*(char *const *)a), path_name(*(char *const *)b));
}

static bool is_switched_off(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 &&
		(!S_ISREG(st.st_mode) || st.st_size == 0 || !(st.st_mode & 0111));
}

/* In whole seconds, and not 0, which is no limit. */
static unsigned seconds_until(uint64_t end_us, unsigned most)
{
	uint64_t now = time_boot_us(), left = now < end_us ? (end_us - now) / SECOND_US : 0;

	return left >= most ? most : (unsigned)left + 1;
}

static int run_check(const char *path, unsigned most, uint64_t end_us, Reason *reason)
{
	const char *const argv[] = {path, NULL};
	unsigned seconds = seconds_until(end_us, most);
	Process process = {.argv = argv, .seconds = seconds, .leads_group = true};
	_cleanup_free_ uint8_t *output = NULL;
	Reason why = {};
	size_t size;
	int status,
		r = process_exchange(&process, NULL, 0, OUTPUT_MAX, &output, &size, &status, &why);

	if (r == -ENOMEM || (r == 0 && status == 0))
		return r;
	if (r == -ETIMEDOUT && seconds < most)
		return reason_set(reason, 1,
			"the health check %s did not end within the trial's time: make all checks "
			"faster, or the window longer (suture.conf(5))",
			path_name(path));
	if (r == -ETIMEDOUT)
		return reason_set(reason, 1, "the health check %s took more than %u seconds",
			path_name(path), seconds);
	if (r == 0 && !why.text[0])
		return reason_set(
			reason, 1, "the health check %s ended with %d", path_name(path), status);
	return reason_set(reason, 1, "the health check %s failed: %s", path_name(path), why.text);
}

int health_run(const char *root, unsigned seconds, uint64_t end_us, Reason *reterr_reason)
{
	_cleanup_(checks_done) Checks checks = {};
	int r = list_folder(&checks, root, HEALTH_PATH, reterr_reason);

	if (r == 0)
		r = list_folder(&checks, root, HEALTH_VENDOR_PATH, reterr_reason);
	if (r == 0)
		qsort(checks.paths, checks.count, sizeof(char *), compare_names);
	for (size_t i = 0; r == 0 && i < checks.count; i++)
		if (!is_switched_off(checks.paths[i]))
			r = run_check(checks.paths[i], seconds, end_us, reterr_reason);
	return r;
}
