/* SPDX-License-Identifier: Apache-2.0 */
/* watch: says on the console, twenty times a second, that demod answers; whoever reads the console
 * from outside sees how long it does not. Linked statically: it is no user of the component. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define INTERVAL_US 50000

static bool answers(void)
{
	static const struct sockaddr_un address = {AF_UNIX, "/run/demod/socket"};
	const struct timeval limit = {.tv_sec = 1};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;
	bool is_there;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	is_there = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		read(fd, &byte, 1) == 1;
	close(fd);
	return is_there;
}

int main(void)
{
	int console = open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (console < 0) {
		perror("/dev/ttyS0");
		return 1;
	}
	for (;; usleep(INTERVAL_US))
		if (answers())
			dprintf(console, "answered\n");
}
