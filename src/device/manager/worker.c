/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/fd.h"
#include "base/process.h"
#include "device/fetch/request.h"
#include "device/manager/activity.h"
#include "device/manager/downloader.h"

#define PROGRESS_FD     4
#define LOCK_FD         5
#define OUTPUT_SIZE_MAX ((size_t)1 << 20)
#define LINE_SIZE_MAX   4096
#define URGENT_LOOK_MS  200
#define WORDS_MAX       (10 + 2 * PROBATION_UNITS_MAX) /* of an activator with all units */

/* The two programs, and the ends of their pipes that are ours. */
typedef struct Pair {
	Downloader downloader;
	Process stage;
	int output, progress, complaint;
	char *stage_path;
} Pair;

/* It has nothing to tidy up. */
static void end_stage(Process *process)
{
	int status;

	kill(process->pid, SIGKILL);
	process_wait(process, &status);
}

static void pair_done(Pair *pair)
{
	bool is_interrupted = pair->stage.pid > 0;

	if (is_interrupted)
		end_stage(&pair->stage);
	downloader_end(&pair->downloader, !is_interrupted);
	fd_close(pair->output);
	fd_close(pair->progress);
	fd_close(pair->complaint);
	free(pair->stage_path);
}

/* A command line in the making. */
typedef struct Words {
	const char *items[WORDS_MAX + 1];
	size_t count;
} Words;

static void add_word(Words *words, const char *word)
{
	assert(words->count < WORDS_MAX);
	words->items[words->count++] = word;
}

static void add_option(Words *words, const char *option, const char *value)
{
	if (!value[0])
		return;
	add_word(words, option);
	add_word(words, value);
}

static int start_stage(
	Pair *pair, const StageRun *run, int socket, int output, int progress, Reason *reason)
{
	char sequence[24], progress_text[8];
	Words words = {};

	snprintf(sequence, sizeof(sequence), "%" PRIu64, run->sequence);
	snprintf(progress_text, sizeof(progress_text), "%d", PROGRESS_FD);
	add_word(&words, pair->stage_path);
	add_option(&words, "--root", run->root);
	add_option(&words, "--url", run->config->url);
	for (size_t i = 0; i < run->config->mirror_count; i++)
		add_option(&words, "--mirror", run->config->mirrors[i]);
	add_option(&words, "--channel", run->config->channel);
	add_option(&words, "--progress-fd", progress_text);
	if (run->enroll)
		add_option(&words, "enroll", run->enroll);
	else if (run->sequence)
		add_option(&words, "stage", sequence);
	else
		add_word(&words, "refresh");
	pair->stage = (Process){.argv = words.items,
		.map = {{socket, FETCH_SOCKET_FD}, {output, STDOUT_FILENO}, {progress, PROGRESS_FD},
			{pair->complaint, STDERR_FILENO}, {run->lock, LOCK_FD}},
		.map_count = run->lock < 0 ? 4 : 5,
		.in_background = run->background,
		.ends_with_us = true};
	return process_start(&pair->stage, reason);
}

/* The ends that the children get are closed here as soon as they have them: only then does the end
 * of one show to the other. */
static int start_pair(Pair *pair, const StageRun *run, Reason *reason)
{
	_cleanup_fd_ int stage_end = -1, output_end = -1, progress_end = -1;
	int output[2], progress[2];
	int r = process_find_helper("suture-stage", &pair->stage_path, reason);

	if (r < 0)
		return r;
	if (pipe2(output, O_CLOEXEC) < 0)
		return -errno;
	pair->output = output[0];
	output_end = output[1];
	if (pipe2(progress, O_CLOEXEC) < 0)
		return -errno;
	pair->progress = progress[0];
	progress_end = progress[1];
	pair->complaint = process_complaint_new();
	r = downloader_start(
		&pair->downloader, run->root, run->config, run->background, &stage_end, reason);
	return r < 0 ? r : start_stage(pair, run, stage_end, output_end, progress_end, reason);
}

static void tell_line(const StageRun *run, const char *line)
{
	ProgressReport report;

	if (run->progress_fd >= 0) {
		(void)fd_write_full(run->progress_fd, line, strlen(line));
		(void)fd_write_full(run->progress_fd, "\n", 1);
	}
	if (report_progress(line, &report) < 0)
		return;
	activity_note(run->lock,
		strcmp(report.phase, "download") == 0 ? ACTIVITY_DOWNLOADING : ACTIVITY_STAGING);
	if (run->progress)
		run->progress(
			run->context, report.phase, report.component, report.done, report.total);
}

static bool is_urgent_elsewhere(int urgent)
{
	if (urgent < 0)
		return false;
	if (flock(urgent, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(urgent, LOCK_UN);
	return false;
}

/* Waits for more progress. -EINTR when the caller was asked to end, -EBUSY when somebody else must
 * not wait. */
static int wait_for_progress(const StageRun *run, int fd)
{
	struct pollfd pollers[] = {
		{.fd = fd, .events = POLLIN}, {.fd = run->stop_fd, .events = POLLIN}};

	for (;;) {
		int n;

		if (is_urgent_elsewhere(run->urgent))
			return -EBUSY;
		n = poll(pollers, ARRAY_SIZE(pollers), run->urgent < 0 ? -1 : URGENT_LOOK_MS);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			return pollers[1].revents ? -EINTR : 0;
	}
}

/* Reads the progress pipe to its end, which is the stager's end. */
static int follow_progress(const StageRun *run, int fd)
{
	char line[LINE_SIZE_MAX];
	size_t used = 0;

	for (;;) {
		char *start = line, *end;
		int r = wait_for_progress(run, fd);
		ssize_t n = r < 0 ? r : fd_read_some(fd, line + used, sizeof(line) - 1 - used);

		if (n <= 0)
			return (int)n;
		used += (size_t)n;
		line[used] = '\0';
		while ((end = strchr(start, '\n'))) {
			*end = '\0';
			tell_line(run, start);
			start = end + 1;
		}
		used -= (size_t)(start - line);
		memmove(line, start, used);
		if (used == sizeof(line) - 1)
			used = 0; /* no line of ours is that long */
	}
}

int worker_stage(const StageRun *run, StageResult *ret_result, Reason *reterr_reason)
{
	_cleanup_(pair_done) Pair pair = {.output = -1, .progress = -1, .complaint = -1};
	_cleanup_free_ uint8_t *output = NULL;
	size_t size;
	int status, r = start_pair(&pair, run, reterr_reason);

	if (r < 0)
		return r;
	r = follow_progress(run, pair.progress);
	if (r == -EBUSY)
		return reason_set(reterr_reason, r,
			"the owner's removal goes first; what was downloaded is kept");
	if (r == 0)
		r = fd_read_all(pair.output, OUTPUT_SIZE_MAX, &output, &size);
	if (r == 0)
		r = process_wait(&pair.stage, &status);
	if (r < 0)
		return r;
	if (status != 0) {
		if (reterr_reason)
			process_complaint_read(pair.complaint, reterr_reason);
		return exit_error_of(status);
	}
	return report_stage(output, size, ret_result, reterr_reason);
}

void probation_done(Probation *probation)
{
	for (size_t i = 0; i < probation->unit_count; i++)
		free(probation->units[i]);
	*probation = (Probation){};
}

/* Runs a helper whose words follow its path; what it printed, where it ended with 0. */
static int run_helper(const char *name, Words *words, char **ret_text, Reason *reason)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ uint8_t *output = NULL;
	size_t size;
	int status, r = process_find_helper(name, &path, reason);

	words->items[0] = path;
	if (r == 0)
		r = process_run(
			words->items, NULL, 0, OUTPUT_SIZE_MAX, &output, &size, &status, reason);
	if (r < 0)
		return r;
	if (status != 0)
		return exit_error_of(status);
	if (ret_text)
		*ret_text = (char *)TAKE_PTR(output);
	return 0;
}

static int run_activate(const char *root, const Probation *probation, const char *verb,
	const char *operand, char **ret_text, Reason *reason)
{
	Words words = {.count = 1};
	char seconds[16], boot_seconds[16];

	add_option(&words, "--root", root);
	if (probation) {
		snprintf(seconds, sizeof(seconds), "%u", probation->seconds);
		snprintf(boot_seconds, sizeof(boot_seconds), "%u", probation->boot_seconds);
		add_option(&words, "--trial", seconds);
		add_option(&words, "--boot-window", boot_seconds);
	}
	for (size_t i = 0; probation && i < probation->unit_count; i++)
		add_option(&words, "--unit", probation->units[i]);
	add_word(&words, verb);
	if (operand)
		add_word(&words, operand);
	return run_helper("suture-activate", &words, ret_text, reason);
}

int worker_switch(const char *root, uint32_t generation, const Probation *probation,
	uint64_t *ret_microseconds, Reason *reterr_reason)
{
	_cleanup_free_ char *text = NULL;
	char number[16];
	int r;

	snprintf(number, sizeof(number), "%u", generation);
	r = run_activate(root, probation, "switch", number, &text, reterr_reason);
	if (r < 0)
		return r;
	*ret_microseconds = report_microseconds(text);
	return 0;
}

int worker_select(
	const char *root, uint32_t generation, const Probation *probation, Reason *reterr_reason)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", generation);
	return run_activate(root, probation, "select", number, NULL, reterr_reason);
}

int worker_mend(const char *root, Reason *reterr_reason)
{
	return run_activate(root, NULL, "mend", NULL, NULL, reterr_reason);
}

static void add_bus(Words *words, const char *bus)
{
	if (bus)
		add_option(words, "--bus", bus);
}

/* Units that fail make its exit code 1, and are told in its report. */
int worker_restart(
	const RestartRun *run, const Buffer *pids, json_t **ret_report, Reason *reterr_reason)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ uint8_t *output = NULL;
	Words words = {.count = 1};
	char seconds[16];
	size_t size;
	int status, r = process_find_helper("suture-restart", &path, reterr_reason);

	if (r < 0)
		return r;
	words.items[0] = path;
	snprintf(seconds, sizeof(seconds), "%u", run->seconds);
	add_bus(&words, run->bus);
	add_word(&words, "--json");
	add_option(&words, "--scope", restart_scope_names[run->scope]);
	if (run->seconds > 0)
		add_option(&words, "--timeout", seconds);
	for (size_t i = 0; i < run->config->protect_count; i++)
		add_option(&words, "--protect", run->config->protect[i]);
	add_word(&words, run->verb);
	r = process_run(words.items, pids->data, pids->size, OUTPUT_SIZE_MAX, &output, &size,
		&status, reterr_reason);
	if (r < 0)
		return r;
	if (status > EXIT_FAILED)
		return exit_error_of(status);
	return report_restarts(output, size, ret_report, reterr_reason);
}

int worker_reboot(const char *bus, RestartScope scope, char **ret_way, Reason *reterr_reason)
{
	Words words = {.count = 1};
	int r;

	add_bus(&words, bus);
	add_option(&words, "--scope", restart_scope_names[scope]);
	add_word(&words, "reboot");
	r = run_helper("suture-restart", &words, ret_way, reterr_reason);
	if (r == 0)
		(*ret_way)[strcspn(*ret_way, "\n")] = '\0';
	return r;
}

int worker_watch(const char *root, const char *bus, Reason *reterr_reason)
{
	Words words = {.count = 1};

	add_option(&words, "--root", root);
	add_bus(&words, bus);
	add_word(&words, "--background");
	return run_helper("suture-trial", &words, NULL, reterr_reason);
}

int worker_status(const char *root, char **ret_text, Reason *reterr_reason)
{
	return run_activate(root, NULL, "status", NULL, ret_text, reterr_reason);
}

int worker_mounted(const char *root, Mounted *ret_mounted, Reason *reterr_reason)
{
	_cleanup_free_ char *text = NULL;
	Mounted mounted = {};
	int r = worker_status(root, &text, reterr_reason);

	if (r < 0)
		return r;
	mounted.mixed = report_status_number(text, "mounted", &mounted.generation) < 0;
	mounted.paused = strstr(text, "\npaused yes\n");
	mounted.base_asked = strstr(text, "\nbase-asked yes\n");
	mounted.stale = strstr(text, "\ndirectory state=stale ");
	report_cover(text, mounted.cover);
	*ret_mounted = mounted;
	return 0;
}
