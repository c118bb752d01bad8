/* SPDX-License-Identifier: Apache-2.0 */
/* suture-fetch: the downloader. Serves the requests of suture-stage on descriptor 3 until the other
 * side closes it (device/fetch/request.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/command.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "base/time.h"
#include "device/fetch/confine.h"
#include "device/fetch/http.h"
#include "device/fetch/local.h"

#define PROGRESS_INTERVAL_US 100000 /* ten a second are enough for a smooth bar */

typedef struct Progress {
	uint64_t last_us;
} Progress;

/* Nobody listens any more: then nobody waits for the file either, and the download ends. */
static int tell_progress(void *context, uint64_t bytes)
{
	const FetchReply reply = {.kind = FETCH_PROGRESS, .bytes = bytes};
	Progress *progress = context;
	uint64_t now = time_monotonic_us();

	if (now - progress->last_us < PROGRESS_INTERVAL_US)
		return 0;
	progress->last_us = now;
	return fetch_send_reply(FETCH_SOCKET_FD, &reply);
}

static int serve(Http *http)
{
	FetchRequest request;
	int r;

	while ((r = fetch_receive_request(FETCH_SOCKET_FD, &request)) == 0) {
		Progress progress = {};
		FetchReply reply;

		if (local_is(request.url))
			local_get(&request, &reply);
		else
			http_get(http, &request, tell_progress, &progress, &reply);
		fd_close(request.fd);
		r = fetch_send_reply(FETCH_SOCKET_FD, &reply);
		if (r < 0)
			break;
	}
	return r == -EPIPE || r > 0 ? 0 : r; /* the stager ended, or is done */
}

/* An empty text of the settings says nothing. */
static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static int start_http(const FetchSettings *settings, Http **ret_http, Reason *reason)
{
	const HttpSettings http = {.proxy = text_or_null(settings->proxy),
		.ca_file = text_or_null(settings->ca_file),
		.any_redirect = settings->any_redirect,
		.timeout_s = settings->timeout,
		.bandwidth = settings->bandwidth};
	int r = fetch_settings_set_environment(settings);

	if (settings->in_background)
		process_step_back();
	return r < 0 ? r : http_new(&http, ret_http, reason);
}

static int explain(int error, Reason *reason)
{
	if (error == -EBADMSG)
		return reason_set(reason, error, "what came in is no request of suture-stage");
	if (error == -EPROTONOSUPPORT)
		return reason_set(reason, error,
			"whoever asks is of another version of Suture than this downloader");
	return reason_errno(
		reason, error, "descriptor %d is not a socket of suture-stage", FETCH_SOCKET_FD);
}

static int run(int count, char **operands)
{
	_cleanup_(http_freep) Http *http = NULL;
	FetchSettings settings; /* lives as long as `http`, which borrows of it */
	Reason reason = {};
	int r = confine(&reason);

	if (r < 0) /* without Landlock it is a user without rights all the same */
		return exit_code_of(log_reason(r, &reason));
	r = fetch_receive_settings(FETCH_SOCKET_FD, &settings);
	if (r == FETCH_CLOSED)
		return EXIT_OK;
	if (r == 0)
		r = start_http(&settings, &http, &reason);
	if (r == 0)
		r = serve(http);
	if (r < 0 && !reason.text[0])
		explain(r, &reason);
	return r < 0 ? (int)exit_code_of(log_reason(r, &reason)) : EXIT_OK;
}

static const Option options[] = {{}};
static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {
		"suture-fetch", "download for suture-stage, over descriptor 3", options, verbs, ""};

	return command_main(&command, argc, argv);
}
