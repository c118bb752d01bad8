/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * FetchRequest: what passes over the socket between the stager, which knows what is wanted, and the
 * downloader, which may reach the network and nothing else.
 *
 * The socket is SOCK_SEQPACKET: one message, one packet of text. The first are the settings
 * (settings.h), sent by whoever makes the connection and hands it to the stager. A request carries
 * the descriptor of the file that the bytes go into, so the downloader needs no right to open
 * anything:
 *
 *     GET <max-bytes> <offset> <etag or -> <url>                       + descriptor
 *     PROGRESS <bytes in the file>                                     any number
 *     DONE <http status> <bytes in the file> <bytes on the wire> <etag or ->
 *     FAILED <errno> <bytes in the file> <bytes on the wire> <text>
 *
 * The downloader writes at `offset`, never beyond max-bytes (which is at least the offset), and
 * resumes with a range when the offset is not 0; a server that ignores the range makes it start
 * anew at 0. Closing the socket ends it.
 */
#include <stdint.h>

#include "base/reason.h"
#include "device/fetch/settings.h"

#define FETCH_SOCKET_FD   3    /* where both programs find their end; systemd's first, too */
#define FETCH_URL_MAX     3000 /* bytes; fits a packet with all the rest */
#define FETCH_ETAG_MAX    200
#define FETCH_MESSAGE_MAX 4096

typedef struct FetchRequest {
	char url[FETCH_URL_MAX + 1];
	uint64_t max;
	uint64_t offset;
	char etag[FETCH_ETAG_MAX + 1]; /* answer 304 if this is still it; empty: no condition */
	int fd;                        /* owned by whoever holds the struct */
} FetchRequest;

typedef enum FetchReplyKind { FETCH_PROGRESS, FETCH_DONE, FETCH_FAILED } FetchReplyKind;

typedef struct FetchReply {
	FetchReplyKind kind;
	int status;     /* FETCH_DONE: 200, 206, 304, 404, … */
	int error;      /* FETCH_FAILED: a positive errno */
	uint64_t bytes; /* in the file */
	uint64_t wire;  /* sent and received, headers included */
	char etag[FETCH_ETAG_MAX + 1];
	char text[REASON_TEXT_MAX]; /* FETCH_FAILED: why */
} FetchReply;

/* Positive: the other side closed the socket. */
#define FETCH_CLOSED 1

/* Errors besides those of the socket: of fetch_settings_write() and fetch_settings_parse(). */
int fetch_send_settings(int socket, const FetchSettings *settings);
int fetch_receive_settings(int socket, FetchSettings *ret_settings);

int fetch_send_request(int socket, const FetchRequest *request);
int fetch_receive_request(int socket, FetchRequest *ret_request);
int fetch_send_reply(int socket, const FetchReply *reply);
int fetch_receive_reply(int socket, FetchReply *ret_reply);

/* The texts alone; pure. -EBADMSG for anything malformed. */
int fetch_parse_request(char *text, FetchRequest *ret_request);
int fetch_parse_reply(char *text, FetchReply *ret_reply);
