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
	int r = confine(&reason);

	if (r == 0)
		r = http_new(NULL, &http, &reason);
	if (r == 0) {
		r = serve(http);
		if (r < 0)
			reason_errno(&reason, r, "descriptor %d is not a socket of suture-stage",
				FETCH_SOCKET_FD);
	}
	return r < 0 ? exit_code_of(log_reason(r, &reason)) : EXIT_OK;
}

static const Option options[] = {{}};
static const Verb verbs[] = {{"", "", "", 0, 0, run}, {}};

int main(int argc, char **argv)
{
	static const Command command = {
		"suture-fetch", "download for suture-stage, over descriptor 3", options, verbs, ""};

	return command_main(&command, argc, argv);
}
