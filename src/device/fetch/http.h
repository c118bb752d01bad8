/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Http: one bounded download with libcurl. HTTP and HTTPS only, certificates checked, no redirects,
 * no content encoding; a stalled or endless answer is ended.
 */
#include "device/fetch/request.h"
#include "base/memory.h"

#define HTTP_CONNECT_SECONDS 30
#define HTTP_TOTAL_SECONDS   60   /* of every request, and as much more as its bytes take at */
#define HTTP_MINIMUM_RATE    4096 /* bytes a second: an old telephone line */
#define HTTP_STALL_SECONDS   30   /* with less than HTTP_STALL_BYTES a second */
#define HTTP_STALL_BYTES     100  /* below the slowest modem: not a connection any more */

typedef struct Http Http;

int http_new(Http **ret_http, Reason *reterr_reason);
Http *http_free(Http *http);
DEFINE_CLEANUP(Http *, http_free)

/* Writes the body into request->fd. *ret_reply is FETCH_DONE or FETCH_FAILED in every case;
 * `progress` is called while bytes arrive, and ends the download by returning a negative errno. */
void http_get(Http *http, const FetchRequest *request,
	int (*progress)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply);
