/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Journal: structured messages for systemd's journal, by its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram of FIELD=value lines, so that static
 * programs need no library for it.
 *
 *     _cleanup_buffer_ Buffer message = {};
 *     r = journal_add(&message, "MESSAGE", "26.3.1 (a) was installed");
 *     r = journal_add(&message, "MESSAGE_ID", "aeea2da3d52e4334abcf2ffdc0077f9e");
 *     r = journal_send("/run", &message);
 */
#include "base/buffer.h"

#define JOURNAL_MESSAGE_MAX 16384 /* well below what a socket takes by default */
#define JOURNAL_WAIT_MS     250   /* for a journal that does not read: nothing waits for it */

/* Priorities as of syslog(3). */
#define JOURNAL_ERROR   3
#define JOURNAL_WARNING 4
#define JOURNAL_NOTICE  5
#define JOURNAL_INFO    6

/* Appends a field. Its name is of A-Z, 0-9 and _, and begins with a letter: -EINVAL. The value may
 * be any text. -EMSGSIZE: the message would be too long; it is as before. */
int journal_add(Buffer *message, const char *field, const char *value);

/* Sends it to the journal of this run folder. 1: there is none, and nobody is told. A journal that
 * does not take it is an error, which no caller should fail for. */
int journal_send(const char *run, const Buffer *message);
