/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reason.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the character that a text begins with; 0: it is a control character, or no UTF-8 as RFC
 * 3629 has it. */
static size_t character_size(const char *text)
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

/* Messages reach terminals, journals and JSON: no escape sequence of a hostile name may get there,
 * and nothing that would make a document of it impossible. */
static void make_printable(char *text)
{
	while (*text) {
		size_t size = character_size(text);

		if (size == 0)
			*text = '?';
		text += size > 0 ? size : 1;
	}
}

int reason_set(Reason *reterr_reason, int error, const char *format, ...)
{
	va_list args;

	if (!reterr_reason)
		return error;
	va_start(args, format);
	vsnprintf(reterr_reason->text, sizeof(reterr_reason->text), format, args);
	va_end(args);
	make_printable(reterr_reason->text);
	return error;
}

int reason_errno(Reason *reterr_reason, int error, const char *format, ...)
{
	char text[REASON_TEXT_MAX];
	va_list args;

	if (!reterr_reason)
		return error;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return reason_set(reterr_reason, error, "%s: %s", text, strerror(-error));
}
