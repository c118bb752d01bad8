/* SPDX-License-Identifier: Apache-2.0 */
#include "device/store/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hex.h"
#include "base/text.h"
#include "device/store/event.h"

static int append_escaped(Buffer *buffer, const char *text)
{
	int r = 0;

	for (size_t i = 0; r == 0 && text[i] && i < HISTORY_TEXT_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			r = buffer_printf(buffer, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			r = buffer_printf(buffer, "\\%c", c);
		else
			r = buffer_append(buffer, text + i, 1);
	}
	return r;
}

static int print_entry(
	Buffer *buffer, const char *event, uint32_t generation, uint32_t sequence, const char *text)
{
	char now[TIME_TEXT_SIZE];
	int r;

	time_format(time_now(), now);
	r = buffer_printf(buffer,
		"{\"time\":\"%s\",\"event\":\"%s\",\"generation\":%u,\"sequence\":%u,\"text\":\"",
		now, event, generation, sequence);
	if (r == 0)
		r = append_escaped(buffer, text);
	if (r == 0)
		r = buffer_text(buffer, "\"}\n");
	return r;
}

/* A power cut may have torn the last line: end it, so that the next starts on its own. */
static int end_torn_line(int fd)
{
	uint64_t size;
	char last;
	int r = fd_size(fd, &size);

	if (r < 0 || size == 0)
		return r;
	r = fd_pread_full(fd, &last, 1, size - 1);
	if (r < 0 || last == '\n')
		return r;
	return fd_write_full(fd, "\n", 1);
}

int history_append(Store *store, const char *event, uint32_t generation, uint32_t sequence,
	const char *text, Reason *reterr_reason)
{
	_cleanup_buffer_ Buffer line = {};
	_cleanup_fd_ int fd = -1;
	/* also where the disk cannot be written, which is when one will look for it */
	int told = event_tell(store, event, generation, sequence, text);
	int r = told == -ENOMEM ? told : store_make(store, reterr_reason);

	if (r == 0)
		r = print_entry(&line, event, generation, sequence, text);
	if (r < 0)
		return r;
	fd = openat(
		store->dir, "history", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	r = fd < 0 ? -errno : end_torn_line(fd);
	if (r == 0)
		r = fd_write_full(fd, line.data, line.size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r == 0 ? 0 : reason_errno(reterr_reason, r, "the store's history");
}

/* Moves *at behind `word`, or fails. */
static int skip_word(const char **at, const char *word)
{
	if (!text_starts_with(*at, word))
		return -EBADMSG;
	*at += strlen(word);
	return 0;
}

/* Behind the backslash: a quote, a backslash, or u00XX. */
static int take_escape(const char **at, char *ret)
{
	char digits[3] = "";

	if (**at == '"' || **at == '\\') {
		*ret = *(*at)++;
		return 0;
	}
	if (!text_starts_with(*at, "u00") || strlen(*at) < strlen("u00XX"))
		return -EBADMSG;
	memcpy(digits, *at + strlen("u00"), 2);
	*at += strlen("u00XX");
	return hex_decode(digits, (uint8_t *)ret, 1);
}

/* The rest of a JSON string of at most max characters, with its closing quote. */
static int take_string(const char **at, char *ret, size_t max)
{
	size_t n = 0;

	while (**at != '"') {
		char c = *(*at)++;

		if (c == '\0' || n == max)
			return -EBADMSG;
		if (c == '\\' && (take_escape(at, &c) < 0 || c == '\0'))
			return -EBADMSG;
		ret[n++] = c;
	}
	(*at)++;
	ret[n] = '\0';
	return 0;
}

static int take_number(const char **at, uint32_t *ret)
{
	char digits[16] = "";
	size_t length = strspn(*at, TEXT_DIGITS);
	uint64_t number;

	if (length >= sizeof(digits))
		return -EBADMSG;
	memcpy(digits, *at, length);
	if (text_to_u64(digits, UINT32_MAX, &number) < 0)
		return -EBADMSG;
	*at += length;
	*ret = (uint32_t)number;
	return 0;
}

int history_parse_line(const char *line, HistoryEntry *ret)
{
	HistoryEntry entry = {};
	int64_t seconds;

	if (skip_word(&line, "{\"time\":\"") < 0 ||
		take_string(&line, entry.time, sizeof(entry.time) - 1) < 0 ||
		time_parse(entry.time, &seconds) < 0 || skip_word(&line, ",\"event\":\"") < 0 ||
		take_string(&line, entry.event, HISTORY_EVENT_MAX) < 0 ||
		!text_consists_of(entry.event, TEXT_LOWER "-") ||
		skip_word(&line, ",\"generation\":") < 0 ||
		take_number(&line, &entry.generation) < 0 ||
		skip_word(&line, ",\"sequence\":") < 0 || take_number(&line, &entry.sequence) < 0 ||
		skip_word(&line, ",\"text\":\"") < 0 ||
		take_string(&line, entry.text, HISTORY_TEXT_MAX) < 0 || strcmp(line, "}") != 0)
		return -EBADMSG;
	*ret = entry;
	return 0;
}

static int read_tail(const Store *store, uint8_t **ret_data, size_t *ret_size)
{
	_cleanup_fd_ int fd = store->dir < 0
		? -1
		: openat(store->dir, "history", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t size;
	int r;

	if (fd < 0)
		return store->dir < 0 ? -ENOENT : -errno;
	r = fd_size(fd, &size);
	if (r < 0)
		return r;
	if (size > HISTORY_READ_MAX && lseek(fd, (off_t)(size - HISTORY_READ_MAX), SEEK_SET) < 0)
		return -errno;
	return fd_read_all(fd, 2 * HISTORY_READ_MAX, ret_data, ret_size);
}

/* Where the size of the file came to the disk before its bytes, a power cut leaves zeros there. */
static void end_at_zeros(uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\0')
			text[i] = '\n';
}

int history_read(
	const Store *store, HistoryEntry **ret_entries, size_t *ret_count, Reason *reterr_reason)
{
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_free_ HistoryEntry *entries = NULL;
	char *cursor, *line;
	size_t size = 0, count = 0;
	int r = read_tail(store, &text, &size);

	if (r < 0 && r != -ENOENT)
		return reason_errno(reterr_reason, r, "the store's history");
	end_at_zeros(text, size);
	for (cursor = (char *)text; (line = text_next_line(&cursor));) {
		HistoryEntry entry;

		if (history_parse_line(line, &entry) < 0)
			continue; /* torn, or cut by the start of the tail */
		r = memory_grow(&entries, count, sizeof(entry));
		if (r < 0)
			return r;
		entries[count++] = entry;
	}
	*ret_entries = TAKE_PTR(entries);
	*ret_count = count;
	return 0;
}

int history_highest_generation(const Store *store, uint32_t *ret, Reason *reterr_reason)
{
	_cleanup_free_ HistoryEntry *entries = NULL;
	uint32_t highest = 0;
	size_t count;
	int r = history_read(store, &entries, &count, reterr_reason);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (entries[i].generation > highest)
			highest = entries[i].generation;
	*ret = highest;
	return 0;
}
