/* SPDX-License-Identifier: Apache-2.0 */
/* fake-systemd: the fake (fake-systemd.h) behind a socket in the file system, for tests of
 * programs.
 *
 *     fake-systemd SOCKET WORLD LOG        WORLD: the file with the JSON text
 *
 * Says "ready", and serves one connection after the other until its standard input ends. */
#include <stdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake-systemd.h"

static json_t *read_world(void *context)
{
	json_error_t error;
	json_t *world = json_load_file(context, 0, &error);

	if (!world) {
		fprintf(stderr, "fake-systemd: %s\n", error.text);
		exit(1);
	}
	return world;
}

/* The file is replaced, never written to. */
static bool has_changed(void *context)
{
	static ino_t before;
	struct stat st;
	bool changed;

	if (stat(context, &st) < 0)
		return false;
	changed = before != 0 && st.st_ino != before;
	before = st.st_ino;
	return changed;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 8) < 0) {
		perror("fake-systemd");
		exit(1);
	}
	return fd;
}

/* Each in a process of its own, as two programs may be connected at once. */
static void serve(int fd, const FakeWorld *world)
{
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		signal(SIGCHLD, SIG_DFL); /* system(3) waits */
		fake_systemd_serve(fd, world);
		_exit(0);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	FakeWorld world = {.read = read_world, .has_changed = has_changed};
	struct pollfd pollers[] = {{.events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};

	if (argc != 4)
		return 64;
	world.context = argv[2];
	world.log = argv[3];
	pollers[0].fd = listen_at(argv[1]);
	signal(SIGCHLD, SIG_IGN);
	puts("ready");
	fflush(stdout);
	while (poll(pollers, 2, -1) > 0 && !pollers[1].revents)
		serve(accept4(pollers[0].fd, NULL, NULL, SOCK_CLOEXEC), &world);
	return 0;
}
