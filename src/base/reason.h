/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reason: why something failed, in one sentence for a person.
 *
 * Libraries do not log. A call that can fail for a cause which its errno does not tell takes a
 * `Reason *reterr_reason` (NULL is allowed) and writes one line into it: what the thing is, what is
 * wrong with it and, where there is one, the remedy. The program that knows the context prints it,
 * once. The text is bounded and needs no allocation, so it also works when memory is short.
 *
 *     return reason_set(reterr_reason, -EBADMSG, "%s: version is missing", name);
 */
#define REASON_TEXT_MAX 512 /* two paths and a sentence; longer text is cut */

typedef struct Reason {
	char text[REASON_TEXT_MAX];
} Reason;

/* Writes the text and returns `error` (a negative errno or a documented positive condition), so
 * that it fits behind `return`. Control characters and what is no UTF-8, which may come from
 * hostile input, become '?'. */
int reason_set(Reason *reterr_reason, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes strerror() of `error` behind the text, for failed system calls; returns `error`. */
int reason_errno(Reason *reterr_reason, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
