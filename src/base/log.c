/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *log_program = "suture";

void log_open(const char *program)
{
	log_program = program;
}

__attribute__((format(printf, 1, 0))) static void log_line(const char *format, va_list args)
{
	char text[REASON_TEXT_MAX + 64];

	vsnprintf(text, sizeof(text), format, args);
	fprintf(stderr, "%s: %s\n", log_program, text);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(format, args);
	va_end(args);
}

int log_reason(int error, const Reason *reason)
{
	log_error("%s", reason->text[0] ? reason->text : strerror(error < 0 ? -error : error));
	return error;
}
