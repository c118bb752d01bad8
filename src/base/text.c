/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t\r"

int text_to_u64(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!text_consists_of(text, TEXT_DIGITS) || (text[0] == '0' && text[1]))
		return -EBADMSG;
	for (; *text; text++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return -ERANGE;
	if (number > max)
		return -ERANGE;
	*ret_number = number;
	return 0;
}

char *text_next_line(char **cursor)
{
	char *line = *cursor, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	else
		end = line + strlen(line);
	*cursor = end;
	return line;
}

char *text_trim(char *text)
{
	char *end;

	text += strspn(text, BLANKS);
	end = text + strlen(text);
	while (end > text && strchr(BLANKS, end[-1]))
		*--end = '\0';
	return text;
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool text_consists_of(const char *text, const char *allowed)
{
	return *text && text[strspn(text, allowed)] == '\0';
}

bool text_is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

int text_index(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

size_t text_character_size(const char *text)
{
	/* by their size; those of two bytes begin with the control characters 0x80 to 0x9f */
	static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
	uint8_t first = (uint8_t)text[0];
	size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	uint32_t value = first & (0x7fU >> size);

	if (first < 0x80)
		return first >= 0x20 && first != 0x7f;
	if (first < 0xc0 || first >= 0xf8)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if (((uint8_t)text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((uint8_t)text[i] & 0x3f);
	}
	if (value < smallest[size] || (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff)
		return 0;
	return size;
}

bool text_is_clean(const char *text)
{
	while (*text) {
		size_t size = text_character_size(text);

		if (size == 0)
			return false;
		text += size;
	}
	return true;
}
