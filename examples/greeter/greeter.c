/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP daemon that uses libgreet. On SIGUSR2 it runs itself anew, keeping its listening
 * socket, so that no request is lost: `greeter PORT`. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int greet(char *answer, size_t size, const char *name);

static volatile sig_atomic_t must_restart;

static void ask_for_restart(int signal_number)
{
	(void)signal_number;
	must_restart = 1;
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0) {
		perror("greeter");
		exit(1);
	}
	return fd;
}

static void answer(int connection)
{
	char request[1024], text[64], reply[256];
	int length;

	if (read(connection, request, sizeof(request)) <= 0)
		return;
	length = greet(text, sizeof(text), "world");
	length = snprintf(reply, sizeof(reply), "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s",
		length, text);
	if (write(connection, reply, (size_t)length) < 0)
		perror("greeter");
}

static int number_of(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = ask_for_restart};
	const char *inherited = getenv("GREETER_SOCKET");
	char number[16];
	int fd = inherited ? number_of(inherited) : listen_on(argc > 1 ? number_of(argv[1]) : 0);

	sigaction(SIGUSR2, &action, NULL);
	close(open("/run/greeter.started", O_WRONLY | O_CREAT | O_TRUNC, 0644));
	while (!must_restart) {
		int connection = accept(fd, NULL, NULL);

		if (connection < 0)
			continue;
		answer(connection);
		close(connection);
	}
	snprintf(number, sizeof(number), "%d", fd);
	setenv("GREETER_SOCKET", number, 1);
	execv("/usr/bin/greeter", argv);
	return 1;
}
