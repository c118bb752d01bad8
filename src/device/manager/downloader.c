/* SPDX-License-Identifier: Apache-2.0 */
#include "device/manager/downloader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/path.h"
#include "device/fetch/request.h"

#define END_MS 1000 /* a good one takes a few; a sanitizer's leak check a hundred */

static int fill(const Config *config, bool background, FetchSettings *settings)
{
	*settings = (FetchSettings){.timeout = (unsigned)config->timeout,
		.bandwidth = (unsigned)config->bandwidth,
		.any_redirect = config->any_redirect,
		.in_background = background};
	snprintf(settings->proxy, sizeof(settings->proxy), "%s", config->proxy);
	snprintf(settings->ca_file, sizeof(settings->ca_file), "%s", config->ca_file);
	return fetch_settings_read_environment(settings);
}

static int send_settings(int socket, const Config *config, bool background, Reason *reason)
{
	FetchSettings settings;
	int r = fill(config, background, &settings);

	if (r == 0)
		r = fetch_send_settings(socket, &settings);
	if (r == -E2BIG)
		return reason_set(reason, r,
			"proxy and ca-file of suture.conf, and the environment's proxies, are too "
			"long together: shorten no_proxy");
	return r < 0 ? reason_errno(reason, r, "cannot speak to the downloader") : 0;
}

/* Whoever listens there gets the secrets of a proxy: it has to be root. */
static bool is_roots(int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

/* By a path of the process's own, because an address takes 107 bytes. The socket, or -1: there is
 * no such service. */
static int connect_service(const char *root)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_free_ char *path = path_join(root, DOWNLOADER_SOCKET);
	_cleanup_fd_ int place = path ? open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW) : -1;
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", place);
	if (place < 0 || fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		!is_roots(fd))
		return -1;
	return TAKE_FD(fd);
}

static int start_child(Process *process, bool background, int socket, Reason *reason)
{
	_cleanup_free_ char *path = NULL;
	const char *words[] = {NULL, NULL};
	int r = process_find_helper("suture-fetch", &path, reason);

	if (r < 0)
		return r;
	words[0] = path;
	*process = (Process){.argv = words,
		.map = {{socket, FETCH_SOCKET_FD}},
		.map_count = 1,
		.in_background = background};
	r = process_start(process, reason);
	process->argv = NULL; /* ends with this function */
	return r;
}

int downloader_start(Downloader *downloader, const char *root, const Config *config,
	bool background, int *ret_socket, Reason *reterr_reason)
{
	_cleanup_fd_ int ours = connect_service(root), theirs = -1;
	bool is_service = ours >= 0;
	int sockets[2], r;

	if (!is_service && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return reason_errno(reterr_reason, -errno, "socketpair");
	if (!is_service) {
		ours = sockets[0];
		theirs = sockets[1];
	}
	r = send_settings(ours, config, background, reterr_reason);
	if (r == 0 && !is_service)
		r = start_child(&downloader->process, background, theirs, reterr_reason);
	if (r == 0)
		*ret_socket = TAKE_FD(ours);
	return r;
}

/* It talks to strangers: one that was taken over would not end because it is asked to, and whoever
 * waits for it holds the store's lock. */
void downloader_end(Downloader *downloader, bool waits)
{
	pid_t pid = downloader->process.pid;
	_cleanup_fd_ int fd = pid > 0 && waits ? pidfd_open(pid, 0) : -1;
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int status;

	if (pid <= 0)
		return;
	if (fd >= 0)
		(void)poll(&poller, 1, END_MS);
	kill(pid, SIGKILL);
	process_wait(&downloader->process, &status);
}
