/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/text.h"

/* "dddd-dd-ddTdd:dd:ddZ" */
static int has_time_shape(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00Z";

	if (strlen(text) != sizeof(shape) - 1)
		return 0;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		int digit = text[i] >= '0' && text[i] <= '9';

		if (shape[i] == '0' ? !digit : text[i] != shape[i])
			return 0;
	}
	return 1;
}

int time_parse(const char *text, int64_t *ret_seconds)
{
	struct tm tm = {}, again;
	time_t seconds;

	if (!has_time_shape(text))
		return -EBADMSG;
	sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		&tm.tm_min, &tm.tm_sec);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	again = tm;
	seconds = timegm(&again);
	/* timegm() normalises 30 February; a date that it had to change was none */
	if (again.tm_year != tm.tm_year || again.tm_mon != tm.tm_mon ||
		again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour ||
		again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return -EBADMSG;
	*ret_seconds = seconds;
	return 0;
}

void time_format(int64_t seconds, char ret_text[static TIME_TEXT_SIZE])
{
	time_t t = seconds < 0 ? 0 : seconds > TIME_MAX ? TIME_MAX : seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(ret_text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void time_format_local(int64_t seconds, char ret_text[static TIME_LOCAL_SIZE])
{
	time_t t = seconds < 0 ? 0 : seconds > TIME_MAX ? TIME_MAX : seconds;
	struct tm tm;

	localtime_r(&t, &tm);
	if (strftime(ret_text, TIME_LOCAL_SIZE, "%Y-%m-%d %H:%M %Z", &tm) == 0)
		strftime(ret_text, TIME_LOCAL_SIZE, "%Y-%m-%d %H:%M", &tm);
}

int time_parse_local(const char *text, int64_t *ret_seconds)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);

		if (!end || *end)
			continue;
		*ret_seconds = mktime(&tm);
		return 0;
	}
	return -EINVAL;
}

int64_t time_now(void)
{
	return time(NULL);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t time_monotonic_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t time_boot_us(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t time_boot_seconds(void)
{
	return time_boot_us() / 1000000;
}

int64_t time_of_source(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds;

	if (epoch && text_to_u64(epoch, (uint64_t)TIME_MAX, &seconds) == 0)
		return (int64_t)seconds;
	return time_now();
}
