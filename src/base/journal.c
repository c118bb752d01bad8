/* SPDX-License-Identifier: Apache-2.0 */
#include "base/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

#define FIELD_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* What spans lines is preceded by its length, else it could bring fields of its own. */
static int add_value(Buffer *message, const char *value)
{
	uint64_t size = htole64(strlen(value));
	int r;

	if (!strchr(value, '\n')) {
		r = buffer_text(message, "=");
	} else {
		r = buffer_text(message, "\n");
		if (r == 0)
			r = buffer_append(message, &size, sizeof(size));
	}
	if (r == 0)
		r = buffer_text(message, value);
	return r < 0 ? r : buffer_text(message, "\n");
}

int journal_add(Buffer *message, const char *field, const char *value)
{
	size_t before = message->size;
	int r;

	if (!text_consists_of(field, FIELD_LETTERS TEXT_DIGITS "_") ||
		!strchr(FIELD_LETTERS, field[0]))
		return -EINVAL;
	if (message->size + strlen(field) + strlen(value) + sizeof("\n=\n") + sizeof(uint64_t) >
		JOURNAL_MESSAGE_MAX)
		return -EMSGSIZE;
	r = buffer_text(message, field);
	if (r == 0)
		r = add_value(message, value);
	if (r < 0)
		message->size = before;
	return r;
}

/* By the folder's descriptor: a socket's address takes 107 characters, and a root's path may have
 * more. */
static int open_socket(const char *run, int *ret_folder, struct sockaddr_un *ret_address)
{
	_cleanup_free_ char *path = memory_printf("%s/systemd/journal", run);
	int fd = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!path)
		return -ENOMEM;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1 : -errno;
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/socket",
		fd);
	*ret_folder = fd;
	return 0;
}

int journal_send(const char *run, const Buffer *message)
{
	const struct timeval wait = {.tv_usec = JOURNAL_WAIT_MS * 1000};
	_cleanup_fd_ int folder = -1, fd = -1;
	struct sockaddr_un address;
	int r = open_socket(run, &folder, &address);

	if (r != 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	if (sendto(fd, message->data, message->size, MSG_NOSIGNAL, (struct sockaddr *)&address,
		    sizeof(address)) >= 0)
		return 0;
	return errno == ENOENT || errno == ECONNREFUSED ? 1 : -errno;
}
