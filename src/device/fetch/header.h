/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Headers: what we want to know of an answer's header fields (RFC 9110), taken line by line as they
 * arrive. Pure; the lines come from whoever sits at the other end of the wire.
 *
 *     Headers headers = {};
 *     r = headers_take(&headers, line, size);      each line, the status lines and the empty one
 * too
 *
 * A status line begins anew, because redirects, proxies and interim answers (1xx) have fields of
 * their own; the amounts go on, because all of them count against the bounds.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/fetch/request.h"

/* Of one transfer. Servers bound a request to 8 to 16 KiB; answers of content networks have 1 to 3.
 * libcurl itself would take 300 KiB of each. */
#define HEADERS_BYTES_MAX 32768
#define HEADERS_LINES_MAX 256
#define HEADERS_WORD_MAX  31 /* of an encoding's name, for a message */

typedef struct Headers {
	size_t bytes, lines;                 /* so far, status lines included */
	char etag[FETCH_ETAG_MAX + 1];       /* empty: none that fits and can be sent back */
	char encoding[HEADERS_WORD_MAX + 1]; /* what the body is packed with; empty: nothing */
	bool has_range; /* a Content-Range of the form that a single range is answered with */
	uint64_t range_first, range_last; /* first <= last */
	uint64_t retry_after_s; /* 0: not said, or as a date, for which the clock would be needed */
} Headers;

/* -E2BIG: above a bound; -EBADMSG: a NUL byte, which each reader takes differently. A value that is
 * malformed counts as not said: only a lost convenience, or refused later because it is missing. */
int headers_take(Headers *headers, const char *line, size_t size);
