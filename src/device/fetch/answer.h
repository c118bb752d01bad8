/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Answer: one HTTP answer on its way into the file of a request. Decides what is written where,
 * whatever the server says; knows nothing of connections.
 *
 *     Answer answer = {.request = request, .at = from};
 *     answer_take_header(&answer, line, size);            each line
 *     answer_take_body(&answer, status, announced, …);    each piece
 *     answer_finish(&answer, status);                     an empty body has no piece
 *
 * Each returns 0 to go on; else the transfer ends, and `error` and `reason` say why.
 */
#include <stdbool.h>

#include "device/fetch/header.h"

#define ANSWER_PAGE_MAX 65536 /* of an error page that is read to keep the connection */

#define HTTP_OK              200
#define HTTP_PARTIAL_CONTENT 206
#define HTTP_RANGE_REFUSED   416

typedef struct Answer {
	const FetchRequest *request;
	uint64_t from; /* the range that was asked for; 0: everything was */
	uint64_t at;   /* where the next byte goes */
	bool started;  /* bytes are written at `at`, not at `from` any more */
	bool no_range; /* the server cannot continue: ask again for everything */
	int error;     /* a positive errno; 0: none */
	Reason reason;
	Headers headers;
	uint64_t page_bytes;
} Answer;

int answer_take_header(Answer *answer, const char *line, size_t size);

/* announced: the length of the body, negative where the server does not say. */
int answer_take_body(Answer *answer, int status, int64_t announced, const void *data, size_t size);
int answer_finish(Answer *answer, int status);

/* Ends the transfer for a reason of the caller's; returns -1. */
int answer_fail(Answer *answer, int error, const char *text);
