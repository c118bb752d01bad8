/* SPDX-License-Identifier: Apache-2.0 */
/* suture-stage: verifies and prepares improvements. It has no network: descriptor 3 is a socket to
 * suture-fetch. What it did, it prints as one line of JSON. */
#include <errno.h>
#include <signal.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "device/stage/stage.h"
#include "wire/terms/label.h"
#include "wire/json/document.h"

static const char *arg_root = "/", *arg_url, *arg_channel = "public";
static OptionList arg_mirrors;
static int arg_progress_fd = -1;

/* The later of the two: the timestamp is renewed daily, the index when it changes. */
static int64_t newest_issued(const Stage *stage)
{
	int64_t issued = trust_timestamp_issued(stage->trust);

	return issued > stage->index.issued ? issued : stage->index.issued;
}

static int finish(const Stage *stage, bool changed, uint32_t generation)
{
	_cleanup_json_ json_t *json =
		json_pack("{s:i, s:b, s:i, s:i, s:I, s:I, s:b, s:b, s:I, s:I, s:b, s:s*}", "schema",
			1, "changed", changed, "generation", (int)generation, "requests",
			(int)stage->fetcher.requests, "wire_bytes", (json_int_t)stage->fetcher.wire,
			"payload_bytes", (json_int_t)stage->payload_bytes, "used_delta",
			stage->has_used_delta, "used_full", stage->has_used_full, "issued",
			(json_int_t)newest_issued(stage), "expires",
			(json_int_t)trust_timestamp_expires(stage->trust), "notes_asked",
			stage->has_asked_notes, "notes_problem",
			stage->notes_problem.text[0] ? stage->notes_problem.text : NULL);
	_cleanup_buffer_ Buffer line = {};
	int r = json ? document_write(json, &line) : -ENOMEM;

	if (r == 0)
		r = fd_write_full(STDOUT_FILENO, line.data, line.size);
	return exit_code_of(r);
}

/* Where the kernel and the user allow it: an empty network namespace. Sockets that are open stay.
 */
static void give_up_the_network(void)
{
	(void)unshare(CLONE_NEWNET);
}

static int open_stage(Stage *stage, Reason *reason)
{
	static const char *urls[OPTION_LIST_MAX + 1];
	int r;

	urls[0] = arg_url;
	memcpy(urls + 1, arg_mirrors.items, arg_mirrors.count * sizeof(*urls));
	give_up_the_network();
	r = stage_open(
		arg_root, FETCH_SOCKET_FD, urls, arg_mirrors.count + 1, arg_channel, stage, reason);
	stage->progress_fd = arg_progress_fd;
	return r;
}

static int run(uint64_t sequence)
{
	_cleanup_(stage_done) Stage stage = {};
	uint32_t generation = 0;
	bool changed = false;
	Reason reason = {};
	int r;

	r = open_stage(&stage, &reason);
	if (r == 0)
		r = stage_refresh(&stage, &changed, &reason);
	if (r == 0 && sequence > 0)
		r = stage_improvement(&stage, sequence, &generation, &reason);
	return r < 0 ? (int)exit_code_of(log_reason(r, &reason))
		     : finish(&stage, changed, generation);
}

static int verb_refresh(int count, char **operands)
{
	return run(0);
}

static int verb_stage(int count, char **operands)
{
	uint64_t sequence;

	if (text_to_u64(operands[0], LABEL_SEQUENCE_MAX, &sequence) < 0 || sequence == 0) {
		log_error("not a sequence: %s", operands[0]);
		return EXIT_USAGE;
	}
	return run(sequence);
}

static int verb_enroll(int count, char **operands)
{
	_cleanup_(stage_done) Stage stage = {};
	Reason reason = {};
	Digest pin;
	int r;

	if (digest_from_text(operands[0], &pin) < 0) {
		log_error("not a SHA-256 in lower-case hexadecimal: %s", operands[0]);
		return EXIT_USAGE;
	}
	r = open_stage(&stage, &reason);
	if (r == 0)
		r = stage_enroll(&stage, &pin, &reason);
	return r < 0 ? (int)exit_code_of(log_reason(r, &reason)) : finish(&stage, true, 0);
}

static const Option options[] = {
	{"root", "DIR", "the device's root (/)", OPTION_TEXT, &arg_root},
	{"url", "URL", "the repository's address, with a slash at its end", OPTION_TEXT, &arg_url,
		true},
	{"mirror", "URL", "another address of the same, asked when that fails", OPTION_LIST,
		&arg_mirrors},
	{"channel", "NAME", "which channel (public)", OPTION_TEXT, &arg_channel},
	{"progress-fd", "N", "write progress there, as JSON lines", OPTION_NUMBER,
		&arg_progress_fd},
	{},
};

static const Verb verbs[] = {
	{"refresh", "", "bring the verified index up to date", 0, 0, verb_refresh},
	{"stage", "SEQUENCE", "and obtain the images of an improvement", 1, 1, verb_stage},
	{"enroll", "DIGEST", "trust the vendor whose root metadata has this SHA-256", 1, 1,
		verb_enroll},
	{},
};

int main(int argc, char **argv)
{
	static const Command command = {
		"suture-stage", "verify and prepare improvements", options, verbs, NULL};

	signal(SIGPIPE, SIG_IGN); /* nobody need watch the progress */
	return command_main(&command, argc, argv);
}
