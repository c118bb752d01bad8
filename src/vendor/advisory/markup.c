/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/advisory/markup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void markup_raw(Markup *markup, const char *text)
{
	if (markup->error == 0)
		markup->error = buffer_text(markup->buffer, text);
}

void markup_printf(Markup *markup, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	text = memory_vprintf(format, args);
	va_end(args);
	if (!text)
		markup->error = -ENOMEM;
	else
		markup_raw(markup, text);
}

#define REPLACEMENT_CHARACTER 0xfffd

static bool is_control(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
		(c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* The character at `at`, which is well-formed UTF-8, and its length in bytes. */
static unsigned decode(const char *at, size_t *ret_length)
{
	const unsigned char *byte = (const unsigned char *)at;
	unsigned c = byte[0];

	*ret_length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*ret_length > 1)
		c &= 0x7fu >> *ret_length;
	for (size_t i = 1; i < *ret_length && byte[i]; i++)
		c = c << 6 | (byte[i] & 0x3f);
	return c;
}

static int append_character(Buffer *buffer, const char *at, unsigned c, size_t length, bool escape)
{
	if (is_control(c))
		return buffer_printf(buffer, "[U+%04X]", c);
	if (escape && c == '<')
		return buffer_text(buffer, "&lt;");
	if (escape && c == '>')
		return buffer_text(buffer, "&gt;");
	if (escape && c == '&')
		return buffer_text(buffer, "&amp;");
	if (escape && c == '"')
		return buffer_text(buffer, "&quot;");
	return buffer_append(buffer, at, length);
}

static int append(Buffer *buffer, const char *text, bool escape)
{
	int r = 0;

	for (size_t left = strlen(text), length; r == 0 && left > 0;
		text += length, left -= length) {
		unsigned c = decode(text, &length);

		if (length > left) { /* cut short: no text of ours is */
			length = left;
			c = REPLACEMENT_CHARACTER;
		}
		r = append_character(buffer, text, c, length, escape);
	}
	return r;
}

void markup_text(Markup *markup, const char *text)
{
	if (markup->error == 0)
		markup->error = append(markup->buffer, text, true);
}

int markup_plain(Buffer *buffer, const char *text)
{
	return append(buffer, text, false);
}
