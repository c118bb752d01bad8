/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lines: reading a text of "key value" lines whose order is fixed.
 *
 *     Lines lines = {.next = copy, .what = "seal", .reason = reterr_reason};
 *     r = lines_take(&lines, "product", &value);
 *     …
 *     r = lines_end(&lines);
 *
 * The text is a writable, NUL-terminated copy and is cut into values in place; it must end with a
 * newline. Anything that is not the expected line is -EBADMSG, with the number of the line as
 * reason.
 */
#include <stdbool.h>

#include "base/reason.h"

typedef struct Lines {
	char *next;       /* the unread rest */
	const char *what; /* what the text is, for reasons */
	unsigned number;  /* of the line taken last, from 1 */
	Reason *reason;   /* may be NULL */
} Lines;

/* Takes the next line, which must be the key, one space and a value of at least one character. */
int lines_take(Lines *lines, const char *key, char **ret_value);

/* Takes the next line, which must be exactly `word`. */
int lines_take_word(Lines *lines, const char *word);

/* Whether the next line starts with the key and a space (or is the key alone). */
bool lines_next_is(const Lines *lines, const char *key);

/* Takes the next line whatever it is; NULL at the end. A last line without its newline is NULL, and
 * stays unread for lines_end() to refuse. */
char *lines_any(Lines *lines);

/* 0 when nothing is left. */
int lines_end(const Lines *lines);

/* -EBADMSG, with "<what>: line <number>: <text>" as reason. */
int lines_bad(const Lines *lines, const char *text);
