/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "base/time.h"

#define RECORD_MAX 1024 /* bytes: four lines, with every word there is */
#define NO_WAITS   "-"

static const char *const texts[] = {
	[WAIT_AUTOMATIC] = "automatic installation is switched off",
	[WAIT_MANAGED_OFF] = "the organisation allows no installation",
	[WAIT_METERED] = "the network connection is metered",
	[WAIT_ON_BATTERY] = "the machine runs on battery",
	[WAIT_BATTERY_LOW] = "the battery is too low",
	[WAIT_INHIBITED] = "a program asks for no change just now",
	[WAIT_HELD] = "the vendor holds the roll-out for now",
	[WAIT_ROLLOUT] = "it is rolled out in steps, and this machine's turn has not come",
	[WAIT_DELAY] = "it was published too recently for this machine's delay",
	[WAIT_POSTPONED] = "the owner postponed it",
	[WAIT_NOT_IDLE] = "the machine is in use",
	[WAIT_WINDOW] = "no maintenance window is open",
	[WAIT_DISK_FULL] = "the disk has too little space",
	[WAIT_CLOCK] = "the clock is wrong, and a window or a delay counts",
	[WAIT_RESTART] = "the owner restarts the machine",
};

const char *waiting_text(WaitReason reason)
{
	return texts[reason];
}

static int take_number(Lines *lines, const char *key, uint64_t max, uint64_t *ret_number)
{
	char *value;
	int r = lines_take(lines, key, &value);

	return r < 0 ? r : text_to_u64(value, max, ret_number);
}

static int take_waits(Lines *lines, WaitSet *ret_waits)
{
	char *value, *word;
	int r = lines_take(lines, "waits", &value);

	if (r < 0 || strcmp(value, NO_WAITS) == 0)
		return r;
	while ((word = strsep(&value, ","))) {
		int reason = text_index(wait_words, word);

		if (reason < 0)
			return -EBADMSG;
		*ret_waits |= WAIT_BIT(reason);
	}
	return 0;
}

static int parse(char *text, Waiting *ret_waiting)
{
	Lines lines = {.next = text, .what = "waiting"};
	uint64_t next_check = 0, restart_at = 0;
	Waiting waiting = {};
	int r = take_number(&lines, "sequence", UINT64_MAX, &waiting.sequence);

	if (r == 0)
		r = take_waits(&lines, &waiting.waits);
	if (r == 0)
		r = take_number(&lines, "next-check", TIME_MAX, &next_check);
	if (r == 0)
		r = take_number(&lines, "restart-at", TIME_MAX, &restart_at);
	if (r == 0)
		r = lines_end(&lines);
	if (r < 0)
		return r;
	waiting.next_check = (int64_t)next_check;
	waiting.restart_at = (int64_t)restart_at;
	*ret_waiting = waiting;
	return 0;
}

int waiting_read(const char *root, Waiting *ret_waiting)
{
	_cleanup_free_ char *path = path_join(root, WAITING_PATH);
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, RECORD_MAX, &text, &size) : -ENOMEM;

	if (r == -ENOMEM)
		return r;
	if (r < 0 || strlen((char *)text) != size || parse((char *)text, ret_waiting) < 0)
		*ret_waiting = (Waiting){};
	return 0;
}

static int append_waits(Buffer *buffer, WaitSet waits)
{
	const char *before = "";
	int r = buffer_text(buffer, waits ? "" : NO_WAITS);

	for (size_t i = 0; r == 0 && i < WAIT_REASONS; i++)
		if (waits & WAIT_BIT(i)) {
			r = buffer_printf(buffer, "%s%s", before, wait_words[i]);
			before = ",";
		}
	return r;
}

int waiting_write(const char *root, const Waiting *waiting, Reason *reterr_reason)
{
	_cleanup_free_ char *path = path_join(root, WAITING_PATH);
	_cleanup_buffer_ Buffer buffer = {};
	int r = path ? path_make_parent(AT_FDCWD, path, 0755) : -ENOMEM;

	if (r == 0)
		r = buffer_printf(&buffer, "sequence %" PRIu64 "\nwaits ", waiting->sequence);
	if (r == 0)
		r = append_waits(&buffer, waiting->waits);
	if (r == 0)
		r = buffer_printf(&buffer, "\nnext-check %" PRId64 "\nrestart-at %" PRId64 "\n",
			waiting->next_check, waiting->restart_at);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, buffer.data, buffer.size, 0644);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot write %s", path) : 0;
}
