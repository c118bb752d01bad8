/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

#define STATUS_LINE   "HTTP/"
#define BLANKS        " \t\r\n"
#define RETRY_MAX_S   (365 * 24 * 3600)
#define RANGE_UNIT    "bytes "
#define UNKNOWN_TOTAL "*"

/* One tag in quotation marks (RFC 9110, 8.8.3). A star, or a list, sent back as a condition would
 * make an honest server say that nothing changed, whatever it has. */
static bool is_tag(const char *value)
{
	size_t size;

	if (text_starts_with(value, "W/"))
		value += strlen("W/");
	size = strlen(value);
	return size >= 2 && value[0] == '"' && strchr(value + 1, '"') == value + size - 1;
}

static void take_etag(Headers *headers, char *value)
{
	if (strlen(value) <= FETCH_ETAG_MAX && text_is_printable(value) &&
		!strpbrk(value, BLANKS) && is_tag(value))
		snprintf(headers->etag, sizeof(headers->etag), "%s", value);
}

/* Several fields, or one with a list: any that is not `identity` tells. "chunked" is how the body
 * is sent, not what it is. */
static void take_encoding(Headers *headers, char *value)
{
	char *save = NULL;

	for (char *word = strtok_r(value, ", \t", &save); word;
		word = strtok_r(NULL, ", \t", &save))
		if (strcasecmp(word, "identity") != 0 && strcasecmp(word, "chunked") != 0)
			snprintf(headers->encoding, sizeof(headers->encoding), "%.*s",
				HEADERS_WORD_MAX, word);
}

/* "bytes FIRST-LAST/TOTAL", the total may be "*" (RFC 9110, 14.4). */
static void take_range(Headers *headers, char *value)
{
	char *dash = strchr(value, '-'), *slash = strchr(value, '/');
	uint64_t first, last, total;

	headers->has_range = false;
	if (!dash || !slash || slash < dash ||
		strncasecmp(value, RANGE_UNIT, strlen(RANGE_UNIT)) != 0)
		return;
	*dash = *slash = '\0';
	if (text_to_u64(value + strlen(RANGE_UNIT), INT64_MAX - 1, &first) < 0 ||
		text_to_u64(dash + 1, INT64_MAX - 1, &last) < 0 || first > last)
		return;
	if (strcmp(slash + 1, UNKNOWN_TOTAL) != 0 &&
		(text_to_u64(slash + 1, INT64_MAX, &total) < 0 || last >= total))
		return;
	headers->has_range = true;
	headers->range_first = first;
	headers->range_last = last;
}

static void take_retry(Headers *headers, char *value)
{
	uint64_t seconds;

	if (text_to_u64(value, RETRY_MAX_S, &seconds) == 0)
		headers->retry_after_s = seconds;
}

static const struct {
	const char *name;
	void (*take)(Headers *headers, char *value);
} fields[] = {
	{"etag", take_etag},
	{"content-encoding", take_encoding},
	{"transfer-encoding", take_encoding}, /* libcurl would unpack it, though not asked to */
	{"content-range", take_range},
	{"retry-after", take_retry},
};

/* The value, without the white space around it. */
static void copy_value(const char *data, size_t size, char ret_value[static HEADERS_BYTES_MAX])
{
	while (size > 0 && strchr(BLANKS, data[0])) {
		data++;
		size--;
	}
	while (size > 0 && strchr(BLANKS, data[size - 1]))
		size--;
	memcpy(ret_value, data, size);
	ret_value[size] = '\0';
}

static void begin_answer(Headers *headers)
{
	*headers = (Headers){.bytes = headers->bytes, .lines = headers->lines};
}

int headers_take(Headers *headers, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	char value[HEADERS_BYTES_MAX];

	if (size > HEADERS_BYTES_MAX - headers->bytes || headers->lines == HEADERS_LINES_MAX)
		return -E2BIG;
	if (memchr(line, '\0', size))
		return -EBADMSG;
	headers->bytes += size;
	headers->lines++;
	if (size >= strlen(STATUS_LINE) && strncasecmp(line, STATUS_LINE, strlen(STATUS_LINE)) == 0)
		begin_answer(headers);
	for (size_t i = 0; colon && i < ARRAY_SIZE(fields); i++) {
		size_t length = (size_t)(colon - line);

		if (length != strlen(fields[i].name) ||
			strncasecmp(line, fields[i].name, length) != 0)
			continue;
		copy_value(colon + 1, size - length - 1, value);
		fields[i].take(headers, value);
	}
	return 0;
}
