/* SPDX-License-Identifier: Apache-2.0 */
/* demod: the daemon of the test device that uses the component. Whoever connects to its socket is
 * told the version of the library that it runs; `demod ask` is who asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char *demo_version(void);

static const struct sockaddr_un address = {AF_UNIX, "/run/demod/socket"};

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* To systemd, as sd_notify(3) does it. */
static void tell_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un manager = {AF_UNIX, ""};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!path || strlen(path) >= sizeof(manager.sun_path))
		return;
	memcpy(manager.sun_path, path, strlen(path));
	if (sendto(fd, "READY=1", 7, 0, (const struct sockaddr *)&manager, sizeof(manager)) < 0)
		perror(path);
	close(fd);
}

static int serve(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), connection;
	const char *version = demo_version();

	unlink(address.sun_path);
	if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 64) < 0)
		return fail(address.sun_path);
	printf("libdemo %s\n", version);
	fflush(stdout);
	tell_ready();
	while ((connection = accept(listener, NULL, NULL)) >= 0) {
		dprintf(connection, "%s\n", demo_version());
		close(connection);
	}
	return fail("accept");
}

static int ask(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[64];
	ssize_t n;

	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return fail(address.sun_path);
	n = read(fd, answer, sizeof(answer));
	return n > 0 && write(1, answer, (size_t)n) == n ? 0 : fail("read");
}

int main(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "ask") == 0 ? ask() : serve();
}
