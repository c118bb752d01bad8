/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/sign/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "vendor/sign/terminal.h"

/* Room for a line end, and to see that there is more than allowed. */
#define LINE_CAPACITY (PASSPHRASE_SIZE_MAX + 1)

/* Takes what stands behind the first line away; `source` is for the reason. */
static int cut_line(Secret *text, const char *source, Reason *reason)
{
	unsigned char *end = memchr(text->data, '\n', text->size);

	if (!end && text->size > PASSPHRASE_SIZE_MAX)
		return reason_set(reason, -EMSGSIZE,
			"the passphrase from %s is longer than %d bytes", source,
			PASSPHRASE_SIZE_MAX);
	text->size = end ? (size_t)(end - text->data) : text->size;
	if (text->size == 0)
		return reason_set(reason, -EACCES, "the passphrase from %s is empty", source);
	if (memchr(text->data, '\0', text->size))
		return reason_set(
			reason, -EINVAL, "the passphrase from %s holds a zero byte", source);
	return 0;
}

/* Reads until the line or the capacity is full. From a pipe no more than that line is taken. */
static int read_line(int fd, Secret *text)
{
	bool is_file = lseek(fd, 0, SEEK_CUR) >= 0;

	while (text->size < text->capacity) {
		unsigned char *at = text->data + text->size;
		ssize_t n = is_file ? pread(fd, at, text->capacity - text->size, (off_t)text->size)
				    : read(fd, at, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text->size += (size_t)n;
		if (n == 0 || memchr(at, '\n', (size_t)n))
			return 0;
	}
	return 0;
}

static int ask_descriptor(Passphrases *passphrases, Secret *ret, Reason *reason)
{
	char source[32];
	int r = 0;

	snprintf(source, sizeof(source), "descriptor %d", passphrases->fd);
	if (passphrases->line.size == 0) {
		r = secret_new(LINE_CAPACITY, &passphrases->line);
		if (r < 0)
			return r;
		r = read_line(passphrases->fd, &passphrases->line);
		if (r < 0)
			return reason_errno(reason, r, "cannot read a passphrase from %s", source);
		r = cut_line(&passphrases->line, source, reason);
	}
	if (r == 0)
		r = secret_new(LINE_CAPACITY, ret);
	return r < 0 ? r : secret_append(ret, passphrases->line.data, passphrases->line.size);
}

/* Straight from the pipe into secret memory. */
static int run_askpass(Process *process, Secret *text, int *ret_status, Reason *reason)
{
	_cleanup_fd_ int out = -1, out_child = -1;
	int ends[2], r, waited;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	out = ends[0];
	out_child = ends[1];
	process->map[0].from = out_child;
	process->map[0].to = STDOUT_FILENO;
	process->map_count = 1;
	r = process_start(process, reason);
	if (r < 0)
		return r;
	out_child = fd_close(out_child);
	r = read_line(out, text);
	out = fd_close(out);
	waited = process_wait(process, ret_status);
	return r < 0 ? r : waited;
}

static int ask_program(const char *askpass, const char *prompt, Secret *ret, Reason *reason)
{
	const char *const argv[] = {askpass, prompt, NULL};
	Process process = {.argv = argv};
	_cleanup_secret_ Secret text = {};
	int status, r = secret_new(LINE_CAPACITY, &text);

	if (r == 0)
		r = run_askpass(&process, &text, &status, reason);
	if (r < 0)
		return r;
	if (status != 0)
		return reason_set(reason, -EACCES, "%s gave no passphrase: it ended with %d",
			askpass, status);
	r = cut_line(&text, askpass, reason);
	if (r < 0)
		return r;
	*ret = text;
	text = (Secret){};
	return 0;
}

static int ask_terminal(const Passphrases *passphrases, const char *what, const char *prompt,
	Secret *ret, Reason *reason)
{
	_cleanup_secret_ Secret text = {};
	int r = secret_new(LINE_CAPACITY, &text);

	if (r == 0)
		r = terminal_ask(prompt, &text);
	if (r > 0)
		return reason_set(reason, -EACCES,
			"%s: there is no terminal to ask for its passphrase: give it by %s N or "
			"--askpass PROGRAM",
			what, passphrases->option);
	if (r < 0)
		return reason_errno(reason, r, "cannot ask for the passphrase of %s", what);
	r = cut_line(&text, "the terminal", reason);
	if (r < 0)
		return r;
	*ret = text;
	text = (Secret){};
	return 0;
}

static int ask(
	Passphrases *passphrases, const char *what, const char *form, Secret *ret, Reason *reason)
{
	_cleanup_free_ char *prompt = memory_printf("%s %s: ", form, what);

	if (!prompt)
		return -ENOMEM;
	if (passphrases->fd >= 0)
		return ask_descriptor(passphrases, ret, reason);
	if (passphrases->askpass)
		return ask_program(passphrases->askpass, prompt, ret, reason);
	return ask_terminal(passphrases, what, prompt, ret, reason);
}

void passphrases_done(Passphrases *passphrases)
{
	secret_done(&passphrases->line);
}

int passphrases_ask(
	Passphrases *passphrases, const char *what, Secret *ret_passphrase, Reason *reterr_reason)
{
	return ask(passphrases, what, "Passphrase of", ret_passphrase, reterr_reason);
}

int passphrases_ask_new(
	Passphrases *passphrases, const char *what, Secret *ret_passphrase, Reason *reterr_reason)
{
	_cleanup_secret_ Secret first = {}, second = {};
	int r = ask(passphrases, what, "New passphrase for", &first, reterr_reason);

	if (r == 0 && passphrases->fd < 0) {
		r = ask(passphrases, what, "Once more the new passphrase for", &second,
			reterr_reason);
		if (r == 0 && !secret_equal(&first, &second))
			return reason_set(
				reterr_reason, -EINVAL, "the two passphrases for %s differ", what);
	}
	if (r < 0)
		return r;
	*ret_passphrase = first;
	first = (Secret){};
	return 0;
}
