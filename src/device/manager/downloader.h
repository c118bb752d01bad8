/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Downloader: suture-fetch, for one stager. Where something listens at DOWNLOADER_SOCKET below the
 * root, which systemd does for suture-fetch.socket, it is a service of its own, in a sandbox that
 * no child could be given; elsewhere it is a child, which confines itself. Both are told the same
 * settings, and behave alike.
 *
 *     downloader_start(&downloader, root, config, false, &socket, &reason);
 *     …the stager gets the socket as its descriptor FETCH_SOCKET_FD, and ends…
 *     downloader_end(&downloader, true);
 */
#include <stdbool.h>

#include "base/process.h"
#include "device/policy/config.h"

#define DOWNLOADER_SOCKET "run/suture-fetch.socket" /* below the root; data/systemd has it too */

typedef struct Downloader {
	Process process; /* pid 0: it is a service */
} Downloader;

/* *ret_socket is the caller's. */
int downloader_start(Downloader *downloader, const char *root, const Config *config,
	bool background, int *ret_socket, Reason *reterr_reason);

/* It ends by itself when nobody has the other end of its socket any more: `waits` gives a child the
 * time for that. A child that does not is killed. */
void downloader_end(Downloader *downloader, bool waits);
