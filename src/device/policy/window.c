/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/window.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define DAYS        7
#define DAY_LETTERS 3
#define DAY_MINUTES (24 * 60)
#define EVERY_DAY   0x7f

static int read_day(const char *text, int *ret_day)
{
	static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

	for (int i = 0; i < DAYS; i++)
		if (strncmp(text, names[i], DAY_LETTERS) == 0) {
			*ret_day = i;
			return 0;
		}
	return -EINVAL;
}

/* "Mon" or "Fri..Mon"; *cursor ends up behind it. */
static int read_days(const char **cursor, uint8_t *days)
{
	int first, last, r = read_day(*cursor, &first);

	if (r < 0)
		return r;
	last = first;
	*cursor += DAY_LETTERS;
	if (text_starts_with(*cursor, "..")) {
		r = read_day(*cursor + strlen(".."), &last);
		if (r < 0)
			return r;
		*cursor += strlen("..") + DAY_LETTERS;
	}
	for (int day = first;; day = (day + 1) % DAYS) {
		*days |= (uint8_t)(1u << day);
		if (day == last)
			return 0;
	}
}

static int read_all_days(const char **cursor, uint8_t *days)
{
	int r;

	while ((r = read_days(cursor, days)) == 0 && **cursor == ',')
		(*cursor)++;
	if (r < 0 || **cursor != ' ')
		return -EINVAL;
	while (**cursor == ' ')
		(*cursor)++;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HH:MM", up to 24:00. */
static int read_minute(const char *text, uint16_t *ret_minute)
{
	int hour, minute;

	if (!is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' || !is_digit(text[3]) ||
		!is_digit(text[4]))
		return -EINVAL;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	if (minute > 59 || hour * 60 + minute > DAY_MINUTES)
		return -EINVAL;
	*ret_minute = (uint16_t)(hour * 60 + minute);
	return 0;
}

int window_parse(const char *text, Window *ret_window)
{
	Window window = {};
	int r = 0;

	if (is_digit(text[0]))
		window.days = EVERY_DAY;
	else
		r = read_all_days(&text, &window.days);
	if (r < 0 || strlen(text) != strlen("HH:MM-HH:MM") || text[5] != '-' ||
		read_minute(text, &window.start) < 0 || read_minute(text + 6, &window.end) < 0 ||
		window.start == DAY_MINUTES || window.end == window.start)
		return -EINVAL;
	*ret_window = window;
	return 0;
}

static bool covers(const Window *window, int day, int minute)
{
	bool today = window->days & 1u << day,
	     yesterday = window->days & 1u << (day + DAYS - 1) % DAYS;

	if (window->end > window->start)
		return today && minute >= window->start && minute < window->end;
	return (today && minute >= window->start) || (yesterday && minute < window->end);
}

static bool is_open(const Window *windows, size_t count, int64_t time)
{
	time_t seconds = time;
	struct tm tm;

	if (count == 0)
		return true;
	if (!localtime_r(&seconds, &tm))
		return false;
	for (size_t i = 0; i < count; i++)
		if (covers(&windows[i], tm.tm_wday, tm.tm_hour * 60 + tm.tm_min))
			return true;
	return false;
}

/* Somebody may have moved a machine that runs for months to another zone: localtime_r() looks once.
 */
bool window_is_open(const Window *windows, size_t count, int64_t time)
{
	tzset();
	return is_open(windows, count, time);
}

/* Looks at each minute: what the wall shows then is all that counts, and no arithmetic has to know
 * how clocks are set. 20,000 looks are a few milliseconds, asked for when something waits. */
int window_next(const Window *windows, size_t count, int64_t time, int64_t *ret_time)
{
	int64_t end = time + (int64_t)WINDOW_SEARCH_DAYS * DAY_MINUTES * 60;

	tzset();
	for (int64_t at = time; at < end; at += 60 - at % 60)
		if (is_open(windows, count, at)) {
			*ret_time = at;
			return 0;
		}
	return -ENOENT;
}
