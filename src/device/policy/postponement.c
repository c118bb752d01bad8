/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/postponement.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"

#define FIRST_LINE "suture-postponed 1"
#define RECORD_MAX 1024 /* bytes: five lines */

static int take_number(Lines *lines, const char *key, uint64_t max, uint64_t *ret_number)
{
	char *value;
	int r = lines_take(lines, key, &value);

	return r < 0 ? r : text_to_u64(value, max, ret_number);
}

static int take_time(Lines *lines, const char *key, int64_t *ret_seconds)
{
	char *value;
	int r = lines_take(lines, key, &value);

	return r < 0 ? r : time_parse(value, ret_seconds);
}

static int parse(char *text, Postponement *ret)
{
	Lines lines = {.next = text, .what = "postponed"};
	Postponement read = {};
	uint64_t used = 0;
	int r = lines_take_word(&lines, FIRST_LINE);

	if (r == 0)
		r = take_number(&lines, "installed", UINT64_MAX, &read.installed);
	if (r == 0)
		r = take_number(&lines, "used", TIME_MAX, &used);
	if (r == 0)
		r = take_time(&lines, "since", &read.since);
	if (r == 0)
		r = take_time(&lines, "until", &read.until);
	if (r == 0)
		r = lines_end(&lines);
	if (r < 0 || read.until < read.since)
		return -EBADMSG;
	read.used = (int64_t)used;
	*ret = read;
	return 0;
}

int postponement_read(const char *root, uint64_t installed, Postponement *ret_postponement)
{
	_cleanup_free_ char *path = path_join(root, POSTPONEMENT_PATH);
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, RECORD_MAX, &text, &size) : -ENOMEM;

	if (r == -ENOMEM)
		return r;
	if (r < 0 || strlen((char *)text) != size || parse((char *)text, ret_postponement) < 0 ||
		ret_postponement->installed != installed)
		*ret_postponement = (Postponement){.installed = installed};
	return 0;
}

int postponement_write(const char *root, const Postponement *postponement, Reason *reterr_reason)
{
	char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
	_cleanup_free_ char *path = path_join(root, POSTPONEMENT_PATH), *text = NULL;
	int r = path ? path_make_parent(AT_FDCWD, path, 0755) : -ENOMEM;

	time_format(postponement->since, since);
	time_format(postponement->until, until);
	text = memory_printf(FIRST_LINE "\ninstalled %" PRIu64 "\nused %" PRId64
					"\nsince %s\nuntil %s\n",
		postponement->installed, postponement->used, since, until);
	if (r == 0)
		r = text ? file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644) : -ENOMEM;
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}

/* Seconds of the one that was said last, up to now. */
static int64_t elapsed(const Postponement *postponement, int64_t now)
{
	int64_t end = now < postponement->until ? now : postponement->until;

	return end > postponement->since ? end - postponement->since : 0;
}

static int64_t left_of(int64_t limit, int64_t used)
{
	return used < limit ? limit - used : 0;
}

int64_t postpone_until(const Postponement *postponement, int64_t limit, int64_t now)
{
	int64_t last = now + left_of(limit, postponement->used + elapsed(postponement, now));
	int64_t until = postponement->until < last ? postponement->until : last;

	return until > now ? until : 0;
}

int64_t postponement_left(const Postponement *postponement, int64_t limit, int64_t now)
{
	return left_of(limit, postponement->used + elapsed(postponement, now));
}

int postponement_extend(Postponement *postponement, int64_t limit, int64_t seconds, int64_t now)
{
	int64_t left = postponement_left(postponement, limit, now);

	if (seconds > 0 && left == 0)
		return -EDQUOT;
	postponement->used += elapsed(postponement, now);
	postponement->since = now;
	postponement->until = now + (seconds < left ? seconds : left);
	return 0;
}
