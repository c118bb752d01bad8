/* SPDX-License-Identifier: Apache-2.0 */
/* agent: runs commands in the test device for tests/device/vm.py, over a virtio-serial port. Linked
 * statically, so that it answers when the C library of everything else is broken.
 *
 * At its start it says `ready BOOT_ID UPTIME`. Then, again and again:
 *
 *     host:   run SECONDS ARGUMENT_BYTES INPUT_BYTES\n   the arguments, each with a NUL, and the
 * input agent:  done STATUS OUTPUT_BYTES ERROR_BYTES\n     both outputs
 *
 * STATUS is an exit code, 128 + a signal, or 124 for what took longer and was killed. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT_NAME     "suture.test\n"
#define ARGUMENTS_MAX 64
#define LATE          124

typedef struct Request {
	int seconds;
	size_t argument_size;
	char *arguments;
	int input, output, error; /* memory files */
} Request;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

/* /sys/class/virtio-ports/vport1p1/name → /dev/vport1p1: no udev has to make a link first. */
static int open_port(void)
{
	char name[64], device[64];
	glob_t found = {};
	int fd = -1;

	glob("/sys/class/virtio-ports/*/name", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && fd < 0; i++) {
		if (strcmp(read_text(found.gl_pathv[i], name, sizeof(name)), PORT_NAME) != 0)
			continue;
		snprintf(device, sizeof(device), "/dev/%.32s", found.gl_pathv[i] + 24);
		*strchrnul(device + 5, '/') = '\0';
		fd = open(device, O_RDWR | O_CLOEXEC);
	}
	globfree(&found);
	return fd;
}

static void send_all(int fd, const void *data, size_t size)
{
	for (const char *at = data; size > 0;) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno != EINTR)
			die("write");
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
}

/* The port reads 0 bytes while nobody is at the other end. */
static void receive(int fd, char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = read(fd, data, size);

		if (n < 0 && errno != EINTR)
			die("read");
		if (n == 0)
			usleep(20000);
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
}

static void send_file(int port, int file)
{
	char block[65536];
	ssize_t n;

	lseek(file, 0, SEEK_SET);
	while ((n = read(file, block, sizeof(block))) > 0)
		send_all(port, block, (size_t)n);
}

static off_t size_of(int file)
{
	struct stat st;

	return fstat(file, &st) < 0 ? 0 : st.st_size;
}

static void say_ready(int port)
{
	char boot[64], uptime[64], line[192];

	read_text("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	read_text("/proc/uptime", uptime, sizeof(uptime));
	*strchrnul(boot, '\n') = '\0';
	*strchrnul(uptime, ' ') = '\0';
	snprintf(line, sizeof(line), "\nready %s %s\n", boot, uptime);
	send_all(port, line, strlen(line));
}

static void receive_input(int port, int file, size_t size)
{
	char block[65536];

	while (size > 0) {
		size_t part = size < sizeof(block) ? size : sizeof(block);

		receive(port, block, part);
		send_all(file, block, part);
		size -= part;
	}
	lseek(file, 0, SEEK_SET);
}

static void receive_request(int port, Request *request)
{
	size_t input_size, length = 0;
	char line[128];

	do
		receive(port, line + length, 1);
	while (line[length] != '\n' && ++length < sizeof(line) - 1);
	line[length] = '\0';
	if (sscanf(line, "run %d %zu %zu", &request->seconds, &request->argument_size,
		    &input_size) != 3)
		die(line);
	request->arguments = malloc(request->argument_size + 1);
	if (!request->arguments)
		die("malloc");
	receive(port, request->arguments, request->argument_size);
	request->arguments[request->argument_size] = '\0';
	request->input = memfd_create("input", MFD_CLOEXEC);
	request->output = memfd_create("output", MFD_CLOEXEC);
	request->error = memfd_create("error", MFD_CLOEXEC);
	receive_input(port, request->input, input_size);
}

/* 127 as a shell has it, so that a command that cannot be run looks alike at every level. */
static _Noreturn void run_child(const Request *request)
{
	char *argv[ARGUMENTS_MAX + 1], *at = request->arguments;
	size_t count = 0;

	for (; at < request->arguments + request->argument_size && count < ARGUMENTS_MAX; count++) {
		argv[count] = at;
		at += strlen(at) + 1;
	}
	argv[count] = NULL;
	setpgid(0, 0);
	dup2(request->input, 0);
	dup2(request->output, 1);
	dup2(request->error, 2);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int wait_for(pid_t pid, int seconds)
{
	struct pollfd poller = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	int status, late = poll(&poller, 1, seconds * 1000) == 0;

	if (late)
		kill(-pid, SIGKILL);
	close(poller.fd);
	waitpid(pid, &status, 0);
	if (late)
		return LATE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void serve(int port)
{
	Request request = {};
	char line[128];
	pid_t pid;

	receive_request(port, &request);
	pid = fork();
	if (pid == 0)
		run_child(&request);
	snprintf(line, sizeof(line), "done %d", wait_for(pid, request.seconds));
	snprintf(line + strlen(line), sizeof(line) - strlen(line), " %lld %lld\n",
		(long long)size_of(request.output), (long long)size_of(request.error));
	send_all(port, line, strlen(line));
	send_file(port, request.output);
	send_file(port, request.error);
	close(request.input);
	close(request.output);
	close(request.error);
	free(request.arguments);
}

int main(void)
{
	int port = open_port();

	if (port < 0)
		die(PORT_NAME);
	setenv("PATH", "/usr/sbin:/usr/bin", 1);
	setenv("HOME", "/root", 1);
	say_ready(port);
	for (;;)
		serve(port);
}
