/* SPDX-License-Identifier: Apache-2.0 */
#include "device/agent/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "device/agent/agent.h"
#include "device/agent/job-object.h"
#include "wire/json/document.h"

#define READ_SIZE     4096
#define SEQUENCE_SIZE 24

static const struct {
	const char *word; /* on the bus */
	const char *words[LAUNCH_WORDS_MAX];
	bool only_looks; /* whatever becomes of it, the same is to be done behind it */
} kinds[] = {
	[JOB_CHECK] = {"check", {"check"}, true},
	[JOB_ACQUIRE] = {"acquire", {"install", "--download-only"}, true},
	[JOB_INSTALL] = {"install", {"install"}},
	[JOB_INSTALL_FILE] = {"install-file", {"install"}},
	[JOB_REMOVE] = {"remove", {"remove"}},
	[JOB_PREVIEW_INSTALL] = {"preview", {"install", "--dry-run"}, true},
	[JOB_PREVIEW_REMOVE] = {"preview", {"remove", "--dry-run"}, true},
	[JOB_MAINTAIN] = {"maintain", {"maintain"}},
	[JOB_RESTART] = {"restart", {"maintain", "restart"}},
};

const char *jobs_kind_word(JobKind kind)
{
	return kinds[kind].word;
}

bool jobs_change_something(const Jobs *jobs)
{
	for (const Job *job = jobs->first; job; job = job->next)
		if (!kinds[job->request.kind].only_looks)
			return true;
	return false;
}

static void drop_file(char *file)
{
	if (file)
		unlink(file);
	memory_free(file);
}

static void job_free(Job *job)
{
	sd_event_source_disable_unref(job->io);
	sd_bus_slot_unref(job->object);
	launch_end(job->agent, &job->launch);
	buffer_done(&job->input);
	json_decref(job->report);
	drop_file(job->request.file);
	memory_free(job);
}

static void take_out(Jobs *jobs, const Job *job)
{
	for (Job **link = &jobs->first; *link; link = &(*link)->next)
		if (*link == job) {
			*link = job->next;
			jobs->count--;
			return;
		}
}

void jobs_done(Jobs *jobs)
{
	while (jobs->first) {
		Job *job = jobs->first;

		take_out(jobs, job);
		job_free(job);
	}
}

/* How the bus calls what went wrong, by the word of `suture`. */
static const char *error_name(const json_t *error)
{
	static const struct {
		const char *word, *name;
	} names[] = {
		{"nothing-to-do", "NothingToDo"},
		{"not-found", "NotFound"},
		{"not-authorised", "Managed"},
		{"deferred", "Deferred"},
		{"not-verified", "NotVerified"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].word, document_text(error, "word")) == 0)
			return names[i].name;
	return "Failed";
}

/* What a job came to. */
typedef struct Result {
	const char *word, *error, *text;
} Result;

static Result find_result(const Job *job)
{
	const json_t *error = json_object_get(job->report, "error");

	if (job->was_canceled && (!job->report || error))
		return (Result){"canceled", "", ""}; /* it may have come too late */
	if (!job->report)
		return (Result){"failed", "Failed",
			"the work ended without a word; the journal knows more"};
	if (!error)
		return (Result){"done", "", ""};
	if (strcmp(document_text(error, "word"), "nothing-to-do") == 0)
		return (Result){"nothing", "NothingToDo", document_text(error, "text")};
	return (Result){"failed", error_name(error), document_text(error, "text")};
}

static void start_next(Agent *agent);

/* What ends without an error has mended the last one; what had nothing to do, or was called off,
 * says nothing of it. */
static void note_result(Jobs *jobs, const Result *result)
{
	if (strcmp(result->word, "failed") == 0) {
		jobs->error = result->error;
		reason_set(&jobs->problem, 0, "%s", result->text);
	} else if (strcmp(result->word, "canceled") != 0)
		jobs->error = "";
}

static void tell_end(const Job *job, const Result *result)
{
	_cleanup_buffer_ Buffer report = {};

	if (job->report)
		(void)document_write(job->report, &report);
	job_object_tell_removed(job, result->word, result->error, result->text,
		report.data ? (const char *)report.data : "");
}

static void end_job(Job *job)
{
	Agent *agent = job->agent;
	Result result = find_result(job);

	take_out(&agent->jobs, job);
	drop_file(TAKE_PTR(job->request.file));
	note_result(&agent->jobs, &result);
	view_refresh(agent);
	tell_end(job, &result);
	rounds_job_ended(agent, &job->request, strcmp(result.word, "failed") == 0);
	job_free(job);
	start_next(agent);
	agent_touch(agent);
}

static void take_progress(Job *job, const json_t *line)
{
	uint64_t done = (uint64_t)document_number(line, "done");
	uint64_t total = (uint64_t)document_number(line, "total");
	const char *phase = document_text(line, "phase");
	bool is_new = strcmp(phase, job->phase) != 0;

	snprintf(job->phase, sizeof(job->phase), "%s", phase);
	job->bytes_done = done;
	job->bytes_total = total;
	job->percent = total > 0
		? (unsigned)((double)(done < total ? done : total) * 100 / (double)total)
		: 0;
	if (is_new || time_boot_us() >= job->told_us + JOBS_TELL_US) {
		job->told_us = time_boot_us();
		job_object_tell_progress(job);
	}
}

/* A line with "phase" is progress, the other one is what it ends with. What is neither is not ours
 * and is passed over. */
static void take_line(Job *job, const char *line)
{
	json_t *json;

	if (document_parse(line, strlen(line), &json, NULL) < 0)
		return;
	if (json_object_get(json, "phase")) {
		take_progress(job, json);
		json_decref(json);
		return;
	}
	json_decref(job->report);
	job->report = json;
}

static void take_lines(Job *job)
{
	char *start = (char *)job->input.data, *end;

	while (start && (end = strchr(start, '\n'))) {
		*end = '\0';
		take_line(job, start);
		start = end + 1;
	}
	if (!start)
		return;
	job->input.size -= (size_t)(start - (char *)job->input.data);
	memmove(job->input.data, start, job->input.size + 1);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Job *job = userdata;
	char bytes[READ_SIZE];
	ssize_t n = fd_read_some(fd, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return 0;
	if (n > 0 && job->input.size < LAUNCH_OUTPUT_MAX &&
		buffer_append(&job->input, bytes, (size_t)n) == 0) {
		take_lines(job);
		return 0;
	}
	if (n > 0)
		launch_stop(job->agent, &job->launch); /* no work of ours says that much */
	end_job(job);
	return 0;
}

/* The command line of a request; `sequence` is room for a number. */
static void spell(const JobRequest *request, const char *words[static LAUNCH_WORDS_MAX + 1],
	char sequence[static SEQUENCE_SIZE])
{
	size_t count = 0;

	for (size_t i = 0; kinds[request->kind].words[i]; i++)
		words[count++] = kinds[request->kind].words[i];
	if (request->most)
		words[count++] = request->most;
	if (request->background)
		words[count++] = "--background";
	if (request->sequence > 0) {
		snprintf(sequence, SEQUENCE_SIZE, "%" PRIu64, request->sequence);
		words[count++] = "--sequence";
		words[count++] = sequence;
	}
	if (request->file) {
		words[count++] = "--from";
		words[count++] = request->file;
	}
	words[count++] = "--json";
	words[count++] = "--progress-fd=1";
	words[count] = NULL;
}

static int start_job(Job *job, Reason *reason)
{
	const char *words[LAUNCH_WORDS_MAX + 1];
	char sequence[SEQUENCE_SIZE];
	int r;

	spell(&job->request, words, sequence);
	r = launch_start(job->agent, words, &job->launch, reason);
	if (r < 0)
		return r;
	job->is_running = true;
	r = sd_event_add_io(
		job->agent->event, &job->io, job->launch.output, EPOLLIN, on_output, job);
	return r < 0 ? reason_errno(reason, r, "cannot follow the work") : 0;
}

static bool may_start(const Jobs *jobs, const Job *job)
{
	if (job->request.kind == JOB_REMOVE)
		return true;
	for (const Job *other = jobs->first; other; other = other->next)
		if (other->is_running)
			return false;
	return true;
}

/* One that cannot even be started fails as any other. */
static void fail_job(Job *job, const Reason *reason)
{
	job->report = json_pack("{s:{s:s, s:s}}", "error", "word", "failed", "text", reason->text);
	end_job(job);
}

static void start_next(Agent *agent)
{
	for (Job *job = agent->jobs.first; job; job = job->next) {
		Reason reason = {};

		if (job->is_running || !may_start(&agent->jobs, job))
			continue;
		if (start_job(job, &reason) < 0)
			fail_job(job, &reason); /* starts the next itself */
		return;
	}
}

static bool is_same(const JobRequest *a, const JobRequest *b)
{
	return a->kind == b->kind && a->sequence == b->sequence && !a->file && !b->file &&
		a->background == b->background &&
		(a->most == b->most || (a->most && b->most && strcmp(a->most, b->most) == 0));
}

static Job *find_same(const Jobs *jobs, const JobRequest *request)
{
	for (Job *job = jobs->first; job; job = job->next)
		if (!job->was_canceled && is_same(&job->request, request))
			return job;
	return NULL;
}

static void append(Jobs *jobs, Job *job)
{
	Job **link = &jobs->first;

	while (*link)
		link = &(*link)->next;
	*link = job;
	jobs->count++;
}

static int on_start(sd_event_source *source, void *userdata)
{
	Agent *agent = userdata;

	start_next(agent);
	return 0;
}

/* From the loop, so that whoever asked has the job's name before it can end. */
static int start_soon(Agent *agent)
{
	sd_event_source *source = NULL;
	int r = sd_event_add_defer(agent->event, &source, on_start, agent);

	if (r >= 0)
		r = sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return r < 0 ? r : 0;
}

static int add(Agent *agent, const JobRequest *request, Job **ret_job, Reason *reason)
{
	Jobs *jobs = &agent->jobs;
	Job *job;
	int r;

	if (jobs->count >= JOBS_MAX)
		return reason_set(reason, -EBUSY, "too much is waiting to be done already");
	job = memory_new(sizeof(*job));
	if (!job)
		return -ENOMEM;
	*job = (Job){.agent = agent, .id = ++jobs->last_id, .launch.output = -1};
	snprintf(job->path, sizeof(job->path), AGENT_PATH "/job/_%" PRIu64, job->id);
	r = job_object_add(job);
	if (r >= 0)
		r = start_soon(agent);
	if (r < 0) {
		job_free(job);
		return r;
	}
	job->request = *request;
	append(jobs, job);
	job_object_tell_new(job);
	agent_touch(agent);
	*ret_job = job;
	return 0;
}

int jobs_add(Agent *agent, const JobRequest *request, Job **ret_job, Reason *reterr_reason)
{
	Job *job = find_same(&agent->jobs, request);
	int r;

	if (job) {
		job->request.restarts |= request->restarts;
		*ret_job = job;
		return 0;
	}
	r = add(agent, request, ret_job, reterr_reason);
	if (r < 0)
		drop_file(request->file);
	return r;
}

bool jobs_is_cancelable(const Job *job)
{
	return !job->was_canceled && strcmp(job->phase, "activate") != 0 &&
		strcmp(job->phase, "restart") != 0 && job->request.kind != JOB_REMOVE;
}

int jobs_cancel(Job *job)
{
	if (!jobs_is_cancelable(job))
		return -EBUSY;
	job->was_canceled = true;
	job->request.restarts = false;
	if (job->is_running)
		launch_stop(job->agent, &job->launch);
	else
		end_job(job);
	return 0;
}
