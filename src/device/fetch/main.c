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
#include "base/time.h"
#include "device/fetch/confine.h"
#include "device/fetch/http.h"
#include "device/fetch/local.h"

#define TIMEOUT_MAX_S        600    /* as suture.conf's */
#define PROGRESS_INTERVAL_US 100000 /* ten a second are enough for a smooth bar */

static const char *arg_proxy, *arg_ca_file;
static bool arg_any_redirect;
static int arg_timeout = HTTP_TIMEOUT_S, arg_bandwidth;

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

static int run(int count, char **operands)
{
	_cleanup_(http_freep) Http *http = NULL;
	Reason reason = {};
	HttpSettings settings;
	int r;

	if (arg_timeout < 1 || arg_timeout > TIMEOUT_MAX_S) {
		log_error("--timeout is 1 to %d seconds", TIMEOUT_MAX_S);
		return EXIT_USAGE;
	}
	if (arg_bandwidth > 0 && arg_bandwidth < HTTP_BANDWIDTH_MIN) {
		log_error("--bandwidth is at least %d bytes a second", HTTP_BANDWIDTH_MIN);
		return EXIT_USAGE;
	}
	settings = (HttpSettings){.proxy = arg_proxy,
		.ca_file = arg_ca_file,
		.any_redirect = arg_any_redirect,
		.timeout_s = (unsigned)arg_timeout,
		.bandwidth = (unsigned)arg_bandwidth};
	r = confine(&reason);
	if (r >= 0) /* without Landlock it is a user without rights all the same */
		r = http_new(&settings, &http, &reason);
	if (r == 0) {
		r = serve(http);
		if (r < 0)
			reason_errno(&reason, r, "descriptor %d is not a socket of suture-stage",
				FETCH_SOCKET_FD);
	}
	return r < 0 ? exit_code_of(log_reason(r, &reason)) : EXIT_OK;
}

static const Option options[] = {
	{"proxy", "URL", "go through this proxy (what the environment says)", OPTION_TEXT,
		&arg_proxy},
	{"ca-file", "FILE", "believe these certificates (the system's)", OPTION_TEXT, &arg_ca_file},
	{"any-redirect", NULL, "follow redirects to other hosts", OPTION_FLAG, &arg_any_redirect},
	{"timeout", "SECONDS", "give a silent server up after this time (30)", OPTION_NUMBER,
		&arg_timeout},
	{"bandwidth", "BYTES", "take no more in a second (no limit)", OPTION_NUMBER,
		&arg_bandwidth},
	{},
};
static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {
		"suture-fetch", "download for suture-stage, over descriptor 3", options, verbs, ""};

	return command_main(&command, argc, argv);
}
