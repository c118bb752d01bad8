/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Messages reach terminals, journals and JSON: no escape sequence of a hostile name may get there,
 * and nothing that would make a document of it impossible. */
static void make_printable(char *text)
{
	while (*text) {
		size_t size = text_character_size(text);

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
