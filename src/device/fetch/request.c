/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/text.h"

#define NONE "-"

/* Takes the next word of a line; NULL at its end. A blank behind the last word stays, so that the
 * check for leftovers finds it. */
static char *take_word(char **cursor)
{
	char *word = *cursor;
	size_t length = strcspn(word, " ");

	if (length == 0)
		return NULL;
	*cursor = word + length;
	if (word[length] && word[length + 1])
		*(*cursor)++ = '\0';
	return word;
}

static int take_number(char **cursor, uint64_t max, uint64_t *ret)
{
	const char *word = take_word(cursor);

	return word && text_to_u64(word, max, ret) == 0 ? 0 : -EBADMSG;
}

static int take_text(char **cursor, char *target, size_t size)
{
	const char *word = take_word(cursor);

	if (!word || strlen(word) >= size)
		return -EBADMSG;
	snprintf(target, size, "%s", strcmp(word, NONE) == 0 ? "" : word);
	return 0;
}

int fetch_parse_request(char *text, FetchRequest *ret_request)
{
	FetchRequest request = {.fd = -1};
	const char *verb = take_word(&text);

	if (!verb || strcmp(verb, "GET") != 0 || take_number(&text, INT64_MAX, &request.max) < 0 ||
		take_number(&text, INT64_MAX, &request.offset) < 0 ||
		take_text(&text, request.etag, sizeof(request.etag)) < 0 ||
		take_text(&text, request.url, sizeof(request.url)) < 0 || *text)
		return -EBADMSG;
	if (request.offset > request.max || !request.url[0])
		return -EBADMSG;
	*ret_request = request;
	return 0;
}

int fetch_parse_reply(char *text, FetchReply *ret_reply)
{
	static const char *const verbs[] = {"PROGRESS", "DONE", "FAILED", NULL};
	const char *verb = take_word(&text);
	int kind = verb ? text_index(verbs, verb) : -1;
	FetchReply reply = {.kind = (FetchReplyKind)kind};
	uint64_t code = 0;

	if (kind < 0 || (kind != FETCH_PROGRESS && take_number(&text, INT32_MAX, &code) < 0) ||
		take_number(&text, INT64_MAX, &reply.bytes) < 0 ||
		(kind != FETCH_PROGRESS && take_number(&text, INT64_MAX, &reply.wire) < 0))
		return -EBADMSG;
	if (kind == FETCH_FAILED && code == 0)
		return -EBADMSG; /* no error is none */
	if (kind == FETCH_DONE && take_text(&text, reply.etag, sizeof(reply.etag)) < 0)
		return -EBADMSG;
	if (kind == FETCH_FAILED) {
		snprintf(reply.text, sizeof(reply.text), "%s", text);
		text += strlen(text);
	}
	if (*text)
		return -EBADMSG;
	reply.status = kind == FETCH_DONE ? (int)code : 0;
	reply.error = kind == FETCH_FAILED ? (int)code : 0;
	*ret_reply = reply;
	return 0;
}

static int send_packet(int socket, const char *text, size_t size, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec data = {(void *)text, size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Alignment leaves room for more descriptors than one: those that came all the same are closed, and
 * the message is refused. */
static int take_descriptors(struct msghdr *message, int *ret_fd)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t count;

	*ret_fd = -1;
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
		if (i == 0)
			*ret_fd = fd;
		else
			fd_close(fd);
	}
	return count > 1 ? -EBADMSG : 0;
}

/* Reads one packet and at most one descriptor, which is the caller's in every case. FETCH_CLOSED at
 * the end. */
static int receive_packet(int socket, char text[static FETCH_MESSAGE_MAX + 1], int *ret_fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec data = {text, FETCH_MESSAGE_MAX};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n;
	int r;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? FETCH_CLOSED : -errno;
	text[n] = '\0';
	r = take_descriptors(&message, ret_fd);
	if (n == 0)
		return FETCH_CLOSED;
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || strlen(text) != (size_t)n)
		r = -EBADMSG;
	return r;
}

_Static_assert(FETCH_SETTINGS_SIZE <= FETCH_MESSAGE_MAX + 1, "settings are one message");

int fetch_send_settings(int socket, const FetchSettings *settings)
{
	char text[FETCH_SETTINGS_SIZE];
	int n = fetch_settings_write(settings, text);

	return n < 0 ? n : send_packet(socket, text, (size_t)n, -1);
}

int fetch_receive_settings(int socket, FetchSettings *ret_settings)
{
	char text[FETCH_MESSAGE_MAX + 1];
	_cleanup_fd_ int fd = -1;
	int r = receive_packet(socket, text, &fd);

	return r != 0 ? r : fetch_settings_parse(text, ret_settings);
}

int fetch_send_request(int socket, const FetchRequest *request)
{
	char text[FETCH_MESSAGE_MAX];
	int n = snprintf(text, sizeof(text), "GET %" PRIu64 " %" PRIu64 " %s %s", request->max,
		request->offset, request->etag[0] ? request->etag : NONE, request->url);

	if (n >= (int)sizeof(text) || strchr(request->url, ' ') || strchr(request->etag, ' '))
		return -EINVAL;
	return send_packet(socket, text, (size_t)n, request->fd);
}

int fetch_receive_request(int socket, FetchRequest *ret_request)
{
	char text[FETCH_MESSAGE_MAX + 1];
	_cleanup_fd_ int fd = -1;
	int r = receive_packet(socket, text, &fd);

	if (r != 0)
		return r;
	r = fd < 0 ? -EBADMSG : fetch_parse_request(text, ret_request);
	if (r == 0)
		ret_request->fd = TAKE_FD(fd);
	return r;
}

int fetch_send_reply(int socket, const FetchReply *reply)
{
	const char *etag = reply->etag[0] ? reply->etag : NONE;
	char text[FETCH_MESSAGE_MAX];
	int n;

	if (reply->kind == FETCH_PROGRESS)
		n = snprintf(text, sizeof(text), "PROGRESS %" PRIu64, reply->bytes);
	else if (reply->kind == FETCH_DONE)
		n = snprintf(text, sizeof(text), "DONE %d %" PRIu64 " %" PRIu64 " %s",
			reply->status, reply->bytes, reply->wire, etag);
	else
		n = snprintf(text, sizeof(text), "FAILED %d %" PRIu64 " %" PRIu64 " %s",
			reply->error, reply->bytes, reply->wire,
			reply->text[0] ? reply->text : NONE);
	return send_packet(socket, text, (size_t)n, -1);
}

int fetch_receive_reply(int socket, FetchReply *ret_reply)
{
	char text[FETCH_MESSAGE_MAX + 1];
	_cleanup_fd_ int fd = -1;
	int r = receive_packet(socket, text, &fd);

	return r != 0 ? r : fetch_parse_reply(text, ret_reply);
}
