/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "base/text.h"
#include "wire/terms/terms.h"

#define TRIAL_PATH      "trial"
#define TRIAL_MAGIC     "suture-trial "
#define TRIAL_VERSION   1
#define NO_BOOT         "-"
#define BOOT_ID_PATH    "/proc/sys/kernel/random/boot_id"
#define BOOT_CHARACTERS TEXT_DIGITS "abcdef-"

Trial *trial_free(Trial *trial)
{
	if (!trial)
		return NULL;
	for (size_t i = 0; i < trial->unit_count; i++)
		free(trial->units[i]);
	free(trial->units);
	free(trial);
	return NULL;
}

int trial_add_unit(Trial *trial, const char *unit)
{
	size_t at = trial->unit_count;
	char *copy;
	int r;

	if (!unit_name_is_valid(unit))
		return -EINVAL;
	for (size_t i = 0; i < trial->unit_count; i++)
		if (strcmp(trial->units[i], unit) == 0)
			return 0;
	if (trial->unit_count == TRIAL_UNITS_MAX)
		return -E2BIG;
	r = memory_grow(&trial->units, trial->unit_count, sizeof(*trial->units));
	if (r < 0)
		return r;
	copy = memory_string(unit);
	if (!copy)
		return -ENOMEM;
	for (; at > 0 && strcmp(trial->units[at - 1], unit) > 0; at--)
		trial->units[at] = trial->units[at - 1];
	trial->units[at] = copy;
	trial->unit_count++;
	return 0;
}

static int take_number(Lines *lines, const char *key, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *value;
	int r = lines_take(lines, key, &value);

	if (r < 0)
		return r;
	if (text_to_u64(value, max, ret) < 0 || *ret < min)
		return lines_bad(lines, "a number is expected here");
	return 0;
}

/* "boot - 0", or the boot and the second of its clock */
static int take_boot(Lines *lines, Trial *trial)
{
	char *value, *seconds;
	int r = lines_take(lines, "boot", &value);

	if (r < 0)
		return r;
	seconds = strchr(value, ' ');
	if (!seconds)
		return lines_bad(lines, "'boot ID SECONDS' is expected here");
	*seconds++ = '\0';
	if (text_to_u64(seconds, INT64_MAX, &trial->started) < 0 ||
		(strcmp(value, NO_BOOT) != 0 &&
			(strlen(value) != TRIAL_BOOT_ID_LEN ||
				!text_consists_of(value, BOOT_CHARACTERS))))
		return lines_bad(lines, "'boot ID SECONDS' is expected here");
	memcpy(trial->boot, value, strlen(value) + 1);
	return 0;
}

static int take_units(Lines *lines, Trial *trial)
{
	while (lines_next_is(lines, "unit")) {
		const char *last = trial->unit_count > 0 ? trial->units[trial->unit_count - 1] : "";
		char *value;
		int r = lines_take(lines, "unit", &value);

		if (r < 0)
			return r;
		if (strcmp(last, value) >= 0)
			return lines_bad(lines, "not in order, or twice");
		r = trial_add_unit(trial, value);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return lines_bad(lines, "not a unit, or one too many");
	}
	return lines_end(lines);
}

static int take_version(Lines *lines)
{
	uint64_t version;
	const char *line = lines_any(lines);

	if (!line || !text_starts_with(line, TRIAL_MAGIC) ||
		text_to_u64(line + strlen(TRIAL_MAGIC), UINT32_MAX, &version) < 0 || version == 0)
		return lines_bad(lines, "this is no record of a trial");
	if (version > TRIAL_VERSION)
		return reason_set(lines->reason, -EOPNOTSUPP,
			"the record of the trial was made by a newer Suture: update Suture, or "
			"remove the improvement");
	return 0;
}

static int take_all(Lines *lines, Trial *trial)
{
	uint64_t generation, before, tries, window, boot_window;
	int r = take_version(lines);

	if (r == 0)
		r = take_number(lines, "generation", 1, STORE_NUMBER_MAX, &generation);
	if (r == 0)
		r = take_number(lines, "before", 0, STORE_NUMBER_MAX, &before);
	if (r == 0)
		r = take_number(lines, "tries", 0, TRIAL_TRIES_MAX, &tries);
	if (r == 0)
		r = take_number(lines, "window", 1, TRIAL_WINDOW_MAX, &window);
	if (r == 0)
		r = take_number(lines, "boot-window", 1, TRIAL_WINDOW_MAX, &boot_window);
	if (r == 0)
		r = take_boot(lines, trial);
	if (r == 0)
		r = take_units(lines, trial);
	if (r < 0)
		return r;
	trial->generation = (uint32_t)generation;
	trial->before = (uint32_t)before;
	trial->tries = (unsigned)tries;
	trial->window = (unsigned)window;
	trial->boot_window = (unsigned)boot_window;
	return 0;
}

int trial_parse(const void *text, size_t size, Trial **ret, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *trial = memory_new(sizeof(*trial));
	_cleanup_free_ char *copy = NULL;
	Lines lines = {.what = "trial", .reason = reterr_reason};
	int r;

	if (size > TRIAL_TEXT_MAX || (size > 0 && memchr(text, '\0', size)))
		return reason_set(reterr_reason, -EBADMSG, "trial: too long, or not text");
	copy = memory_string_n(text, size);
	if (!trial || !copy)
		return -ENOMEM;
	lines.next = copy;
	r = take_all(&lines, trial);
	if (r == 0)
		*ret = TAKE_PTR(trial);
	return r;
}

int trial_write(const Trial *trial, Buffer *buffer, Reason *reterr_reason)
{
	_cleanup_(trial_freep) Trial *again = NULL;
	_cleanup_buffer_ Buffer text = {};
	int r = buffer_printf(&text,
		TRIAL_MAGIC "%d\ngeneration %u\nbefore %u\ntries %u\nwindow %u\n"
			    "boot-window %u\nboot %s %llu\n",
		TRIAL_VERSION, trial->generation, trial->before, trial->tries, trial->window,
		trial->boot_window, trial->boot[0] ? trial->boot : NO_BOOT,
		(unsigned long long)trial->started);

	for (size_t i = 0; r == 0 && i < trial->unit_count; i++)
		r = buffer_printf(&text, "unit %s\n", trial->units[i]);
	if (r == 0)
		r = trial_parse(text.data, text.size, &again, reterr_reason);
	if (r < 0)
		return r == -EBADMSG ? -EINVAL : r;
	return buffer_append(buffer, text.data, text.size);
}

static int failed(const Store *store, int error, Reason *reterr_reason)
{
	if (error == 0)
		return 0;
	return reason_errno(reterr_reason, error, "%s/" STORE_PATH "/" TRIAL_PATH, store->path);
}

int trial_load(const Store *store, Trial **ret, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = -ENOENT;

	if (store->dir >= 0)
		r = file_read(store->dir, TRIAL_PATH, TRIAL_TEXT_MAX, &text, &size);
	if (r == -ENOENT)
		return 1;
	return r < 0 ? failed(store, r, reterr_reason)
		     : trial_parse(text, size, ret, reterr_reason);
}

int trial_store(Store *store, const Trial *trial, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer text = {};
	int r = trial_write(trial, &text, reterr_reason);

	if (r == 0)
		r = store_make(store, reterr_reason);
	if (r < 0)
		return r;
	r = file_write_atomic(store->dir, TRIAL_PATH, text.data, text.size, 0644);
	return failed(store, r, reterr_reason);
}

int trial_clear(Store *store, Reason *reterr_reason)
{
	int r = store->dir < 0 ? 0 : file_remove(store->dir, TRIAL_PATH);

	if (r == 0 && store->dir >= 0)
		r = file_sync_parent(store->dir, TRIAL_PATH);
	return failed(store, r, reterr_reason);
}

int trial_boot_id(char ret_id[static TRIAL_BOOT_ID_LEN + 1], Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t size;
	int r = file_read(AT_FDCWD, BOOT_ID_PATH, TRIAL_BOOT_ID_LEN + 1, &text, &size);

	if (r == 0 && size < TRIAL_BOOT_ID_LEN)
		r = -EBADMSG;
	if (r < 0)
		return reason_errno(reterr_reason, r, BOOT_ID_PATH);
	memcpy(ret_id, text, TRIAL_BOOT_ID_LEN);
	ret_id[TRIAL_BOOT_ID_LEN] = '\0';
	return 0;
}
