/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Http: one bounded download with libcurl. HTTP and HTTPS only, certificates checked, no redirects,
 * no content encoding; a stalled or endless answer is ended.
 */
#include <stdbool.h>

#include "base/memory.h"
#include "device/fetch/request.h"

#define HTTP_TIMEOUT_S    30   /* to connect; and with less than HTTP_STALL_BYTES a second */
#define HTTP_STALL_BYTES  100  /* below the slowest modem: not a connection any more */
#define HTTP_MINIMUM_RATE 4096 /* bytes a second on the whole: an old telephone line */

typedef struct Http Http;

/* The strings are borrowed: they stay until http_free(). */
typedef struct HttpSettings {
	const char *proxy; /* "http://host:port"; NULL: what the environment says, as of curl(1) */
	const char *ca_file; /* whom to believe, in PEM; NULL: the system's list */
	bool any_redirect;   /* to other hosts too, never from https to http */
	unsigned timeout_s;  /* until a silent server is given up; 0: HTTP_TIMEOUT_S */
	unsigned retry_ms;   /* the first pause before another try; 0: a 30th of timeout_s */
} HttpSettings;

/* settings: NULL means the defaults. */
int http_new(const HttpSettings *settings, Http **ret_http, Reason *reterr_reason);
Http *http_free(Http *http);
DEFINE_CLEANUP(Http *, http_free)

/* Writes the body into request->fd. *ret_reply is FETCH_DONE or FETCH_FAILED in every case;
 * `progress` is called while bytes arrive, and ends the download by returning a negative errno. */
void http_get(Http *http, const FetchRequest *request,
	int (*progress)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply);
