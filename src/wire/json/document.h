/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Document: reading JSON (RFC 8259) that may be hostile, and writing the canonical form (OLPC) that
 * signatures are made over. The parser is jansson; what is added here are the limits.
 *
 * Refused: duplicate members, nesting deeper than DOCUMENT_DEPTH_MAX, more than DOCUMENT_VALUES_MAX
 * values, anything but an object at the top, bytes behind it, NUL inside strings, text that is not
 * UTF-8, integers beyond 64 bits.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/reason.h"

#define DOCUMENT_DEPTH_MAX 32 /* an index needs 8; the readers here recurse once per level */

/* Counted as brackets that open, and commas. An object takes five bytes of a file and up to 290 of
 * memory: the limit keeps what a hostile file costs below 80 MB, where 5 MB of such objects would
 * take 384. The fullest good file, 5 MB of targets with one hash each, has 190,000. */
#define DOCUMENT_VALUES_MAX 250000

static inline void document_json_decrefp(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ _cleanup_(document_json_decrefp)

/* 0, -EBADMSG with a reason, or -ENOMEM. The caller owns the reference. */
int document_parse(const void *data, size_t size, json_t **ret_object, Reason *reterr_reason);

/* The same with another limit than DOCUMENT_VALUES_MAX, for who has the memory. */
int document_parse_large(const void *data, size_t size, size_t values_max, json_t **ret_object,
	Reason *reterr_reason);

/* Appends the canonical form: no white space, members sorted by their UTF-8 bytes, only `"` and `\`
 * escaped, integers only. -EBADMSG for a real number (it has no canonical form). */
int document_canonical(const json_t *json, Buffer *buffer);

/* Appends compact JSON with sorted members and a line end: what is written to files. */
int document_write(const json_t *json, Buffer *buffer);

/* The same for files that people read. */
int document_write_indented(const json_t *json, Buffer *buffer);

/* The text of a member; "" where there is none. It lives as long as the object. */
const char *document_text(const json_t *object, const char *member);

/* The integer of a member; 0 where there is none. */
json_int_t document_number(const json_t *object, const char *member);

/* The time of a member (base/time.h), in seconds since 1970; 0 where there is none. */
int64_t document_time(const json_t *object, const char *member);
