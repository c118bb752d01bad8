/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/enforcement.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/time.h"

#define NEWEST       "newest"
#define MINUTE_SHAPE "YYYY-MM-DDTHH:MM"

/* A VERSION_ID (os-release(5)) with letters behind it. */
#define NAME_CHARACTERS TEXT_LOWER TEXT_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ._+~-"

/* To the minute, or to the second. */
static int read_local(const char *text, int64_t *ret_local)
{
	char utc[TIME_TEXT_SIZE];
	bool to_minute = strlen(text) == strlen(MINUTE_SHAPE);
	int n = snprintf(utc, sizeof(utc), "%s%sZ", text, to_minute ? ":00" : "");

	return n < (int)sizeof(utc) && time_parse(utc, ret_local) == 0 ? 0 : -EINVAL;
}

int enforcement_parse(const char *text, Enforcement *ret_enforcement)
{
	Enforcement enforcement = {};
	size_t length = strcspn(text, " ");
	const char *when = text + length;

	if (length >= sizeof(enforcement.improvement))
		return -EINVAL;
	memcpy(enforcement.improvement, text, length);
	when += strspn(when, " ");
	if (!text_consists_of(enforcement.improvement, NAME_CHARACTERS) ||
		read_local(when, &enforcement.local) < 0)
		return -EINVAL;
	*ret_enforcement = enforcement;
	return 0;
}

int64_t enforcement_deadline(const Enforcement *enforcement)
{
	time_t local = enforcement->local;
	struct tm tm;

	gmtime_r(&local, &tm);
	tm.tm_isdst = -1;
	return mktime(&tm);
}

/* 0 when it is about another base. *ret_sequence: what would do, the newest being anything newer
 * than what is on. */
static bool is_about(
	const Enforcement *enforcement, const EnforcementDevice *device, uint64_t *ret_sequence)
{
	const char *name = enforcement->improvement;
	size_t length = strlen(device->version);

	if (strcmp(name, NEWEST) == 0 || strcmp(name, device->version) == 0) {
		*ret_sequence = device->installed + 1;
		return true;
	}
	return strncmp(name, device->version, length) == 0 && name[length] == '-' &&
		label_parse(name + length + 1, ret_sequence) == 0;
}

static bool can_be_met(const Enforcement *enforcement, const EnforcementDevice *device)
{
	uint64_t sequence;

	return is_about(enforcement, device, &sequence) && sequence > device->installed &&
		sequence <= device->offered;
}

int enforcement_next(const Enforcement *enforcements, size_t count, const EnforcementDevice *device,
	EnforcementNext *ret_next)
{
	EnforcementNext next = {};

	for (size_t i = 0; i < count; i++) {
		int64_t deadline = enforcement_deadline(&enforcements[i]);

		if (!can_be_met(&enforcements[i], device) ||
			(next.enforcement && deadline >= next.deadline))
			continue;
		next = (EnforcementNext){.enforcement = &enforcements[i],
			.sequence = device->offered,
			.deadline = deadline};
	}
	if (!next.enforcement)
		return ENFORCEMENT_NONE;
	*ret_next = next;
	return 0;
}
