/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"

/* -EINTR when one of the signals is pending. */
static int read_line(int tty, int signals, Secret *line)
{
	struct pollfd fds[] = {{.fd = tty, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	ssize_t n;

	if (poll(fds, 2, -1) < 0)
		return -errno;
	if (fds[1].revents)
		return -EINTR;
	n = fd_read_some(tty, line->data, line->capacity);
	if (n > 0)
		line->size = (size_t)n;
	return n < 0 ? (int)n : 0;
}

static int ask_quietly(int tty, int signals, const char *prompt, Secret *line)
{
	struct termios before, quiet;
	int r;

	if (tcgetattr(tty, &before) < 0)
		return -errno;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ICANON | ECHONL | ISIG;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
		return -errno;
	r = fd_write_full(tty, prompt, strlen(prompt));
	if (r == 0)
		r = read_line(tty, signals, line);
	tcsetattr(tty, TCSAFLUSH, &before);
	return r;
}

/* The signals wait until the terminal is as it was: they stay pending and act when unblocked. */
static int ask_once(int tty, const char *prompt, Secret *line)
{
	static const int awaited[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
	_cleanup_fd_ int signals = -1;
	sigset_t set, before;
	int r;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(awaited); i++)
		sigaddset(&set, awaited[i]);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0 || sigprocmask(SIG_BLOCK, &set, &before) < 0)
		return -errno;
	r = ask_quietly(tty, signals, prompt, line);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int terminal_ask(const char *prompt, Secret *ret_line)
{
	_cleanup_fd_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r;

	if (tty < 0)
		return 1;
	do
		r = ask_once(tty, prompt, ret_line);
	while (r == -EINTR);
	return r;
}
