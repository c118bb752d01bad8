/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/time.h"

#define INDENT (ROW_LABEL_WIDTH + 2)

_Static_assert(ROW_TIME_TEXT_SIZE >= TIME_LOCAL_SIZE, "a time has to fit");

static void print_word(const char *word, size_t length, size_t indent, size_t *column)
{
	char copy[256];
	size_t width;

	snprintf(copy, sizeof(copy), "%.*s", (int)length, word);
	width = style_width(copy);
	if (*column > indent && *column + 1 + width > style_columns()) {
		printf("\n%*s", (int)indent, "");
		*column = indent;
	} else if (*column > indent) {
		putchar(' ');
		(*column)++;
	}
	printf("%.*s", (int)length, word);
	*column += width;
}

/* Several blanks on end are columns, and stay. */
void row_wrap(size_t indent, const char *text)
{
	size_t column = indent;

	if (style_columns() == 0) {
		printf("%s", text);
		return;
	}
	while (*text) {
		size_t length = strcspn(text, " ");

		print_word(text, length, indent, &column);
		text += length;
		if (*text == ' ')
			text++;
	}
}

__attribute__((format(printf, 1, 0))) static void print_text(const char *format, va_list args)
{
	_cleanup_free_ char *text = memory_vprintf(format, args);

	row_wrap(INDENT, text ? text : "");
	putchar('\n');
}

/* A translated label may be longer than the column. */
static void print_label(const char *label, size_t used)
{
	size_t width = style_width(label) + used;

	printf("%*s%s: ", width < ROW_LABEL_WIDTH ? (int)(ROW_LABEL_WIDTH - width) : 0, "", label);
}

void row_print(const char *label, const char *format, ...)
{
	va_list args;

	if (label[0])
		print_label(label, 0);
	else
		printf("%*s", INDENT, "");
	va_start(args, format);
	print_text(format, args);
	va_end(args);
}

void row_print_marked(Style mark, const char *label, const char *format, ...)
{
	va_list args;

	printf("%s%s%s ", style(mark), style_mark(MARK_DOT), style(STYLE_PLAIN));
	print_label(label, style_width(style_mark(MARK_DOT)) + 1);
	va_start(args, format);
	print_text(format, args);
	va_end(args);
}

void row_size(long long bytes, char ret_text[static ROW_SIZE_TEXT_SIZE])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double size = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(ret_text, ROW_SIZE_TEXT_SIZE, "%lld bytes", bytes);
		return;
	}
	/* 999.95 would be printed as 1000.0 */
	for (; size >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		size /= 1000;
	snprintf(ret_text, ROW_SIZE_TEXT_SIZE, "%.*f %s", size < 9.95 ? 1 : 0, size, units[unit]);
}

void row_time(const char *text, char ret_text[static ROW_TIME_TEXT_SIZE])
{
	int64_t seconds;

	ret_text[0] = '\0';
	if (time_parse(text, &seconds) == 0)
		time_format_local(seconds, ret_text);
}
