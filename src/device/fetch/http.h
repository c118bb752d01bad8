/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Http: bounded downloads with libcurl. HTTP/1 and HTTPS only, certificates checked, nothing
 * packed, no cookies, no passwords from files. Every answer is bounded in bytes, header fields and
 * time, whatever the server does.
 *
 *     http_new(&settings, &http, &reason);
 *     http_get(http, &request, NULL, NULL, &reply);        any number; connections are kept
 *     http_free(http);
 *
 * What failed and may be well a moment later (time-outs, a connection that broke, the statuses 408,
 * 429, 500, 502, 503 and 504) is tried again HTTP_RETRIES times, after a pause that doubles, and
 * goes on where the last try ended. What was not reached at all is not: that is for the caller's
 * schedule.
 *
 * Redirects are followed within the scheme, host and port of the address; with `any_redirect` to
 * any other, but never from https to http.
 */
#include <stdbool.h>

#include "base/memory.h"
#include "device/fetch/request.h"

/* A try lasts at most twice the time-out, and as much longer as the bytes that came take at the
 * minimum rate: a drip ends soon, however large the file may be. */
#define HTTP_TIMEOUT_S    30   /* to connect; and with less than HTTP_STALL_BYTES a second */
#define HTTP_STALL_BYTES  100  /* below the slowest modem: not a connection any more */
#define HTTP_MINIMUM_RATE 4096 /* bytes a second: an old telephone line */

/* A limit below would end every try as a drip. */
#define HTTP_BANDWIDTH_MIN (2 * HTTP_MINIMUM_RATE)

#define HTTP_RETRIES           3     /* a fault of seconds is over then; a longer one is not ours */
#define HTTP_RETRY_MAX_MS      60000 /* of one pause */
#define HTTP_RETRY_AFTER_MAX_S 30    /* a server that asks for more patience is left alone */
#define HTTP_REDIRECTS_MAX     5     /* more is a ring, or somebody's game */

typedef struct Http Http;

/* The strings are borrowed: they stay until http_free(). */
typedef struct HttpSettings {
	const char *proxy; /* "http://host:port"; NULL: what the environment says, as of curl(1) */
	const char *ca_file; /* whom to believe, in PEM; NULL: the system's list */
	bool any_redirect;   /* to other hosts too, never from https to http */
	unsigned timeout_s;  /* until a silent server is given up; 0: HTTP_TIMEOUT_S */
	unsigned bandwidth;  /* bytes a second; less than HTTP_BANDWIDTH_MIN is that; 0: no limit */
	unsigned retry_ms;   /* the first pause before another try; 0: a 30th of timeout_s */
} HttpSettings;

/* settings: NULL means the defaults. */
int http_new(const HttpSettings *settings, Http **ret_http, Reason *reterr_reason);
Http *http_free(Http *http);
DEFINE_CLEANUP(Http *, http_free)

/* Writes the body into request->fd. *ret_reply is FETCH_DONE or FETCH_FAILED in every case;
 * `progress` (NULL: none) is called all the while with the bytes in the file, and ends the download
 * by returning a negative errno. The errors, as positive errnos in the reply:
 *
 *     EHOSTUNREACH   the server or proxy cannot be reached
 *     ETIMEDOUT      it says nothing, or too slowly
 *     ECONNABORTED   it breaks off
 *     EKEYREJECTED   its certificate, or TLS with it, is not good
 *     EFBIG          it sends more than request->max
 *     E2BIG          it sends too many header fields
 *     EPROTO         it speaks no proper HTTP, or packs what it sends
 *     EXDEV, ELOOP   a redirect that is not allowed; too many of them
 *     EINVAL         the address, or a setting */
void http_get(Http *http, const FetchRequest *request,
	int (*progress)(void *context, uint64_t bytes), void *context, FetchReply *ret_reply);
