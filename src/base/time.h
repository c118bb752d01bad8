/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Time: UTC seconds as the text `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339, the only form TUF allows), and a
 * monotonic clock for durations. */
#include <stdint.h>

#define TIME_TEXT_SIZE 21                    /* 20 characters and a NUL */
#define TIME_MAX       INT64_C(253402300799) /* 9999-12-31T23:59:59Z, the last with four digits */

int time_parse(const char *text, int64_t *ret_seconds); /* 0 or -EBADMSG */
void time_format(int64_t seconds, char ret_text[static TIME_TEXT_SIZE]);

/* For people, in the machine's time zone: "2026-11-20 10:12 CET". */
#define TIME_LOCAL_SIZE 40 /* zones have names of up to 16 characters, or numbers */
void time_format_local(int64_t seconds, char ret_text[static TIME_LOCAL_SIZE]);

/* A person's word for a time that is over, in the machine's time zone: "2026-11-20",
 * "2026-11-20 10:12" or "2026-11-20 10:12:30"; -EINVAL for anything else. */
int time_parse_local(const char *text, int64_t *ret_seconds);

int64_t time_now(void); /* wall clock, seconds since 1970 */
uint64_t time_monotonic_us(void);
uint64_t time_boot_us(void);      /* since this boot began, sleep included */
uint64_t time_boot_seconds(void); /* the same */

/* SOURCE_DATE_EPOCH if it is set and a number, else the wall clock: for everything that a publisher
 * writes, so that a build can be repeated to the byte (reproducible-builds.org). */
int64_t time_of_source(void);
