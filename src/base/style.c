/* SPDX-License-Identifier: Apache-2.0 */
#include "base/style.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_OF_NO_WORD 80 /* of a terminal that does not tell */
#define COLUMNS_MIN        40 /* narrower ones wrap by themselves, which reads better */

static struct {
	bool has_colours, is_utf8;
	size_t columns;
} now;

bool style_is_utf8(const char *all, const char *ctype, const char *lang)
{
	const char *name = all && all[0] ? all : ctype && ctype[0] ? ctype : lang;
	const char *codeset = name ? strchr(name, '.') : NULL;

	return codeset &&
		(strncasecmp(codeset, ".utf-8", 6) == 0 || strncasecmp(codeset, ".utf8", 5) == 0);
}

bool style_has_colours(const char *no_color, const char *term)
{
	return !(no_color && no_color[0]) && term && term[0] && strcmp(term, "dumb") != 0;
}

static size_t read_columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS_OF_NO_WORD;
	return size.ws_col < COLUMNS_MIN ? 0 : size.ws_col;
}

void style_open(void)
{
	bool is_terminal = isatty(STDOUT_FILENO);

	now.is_utf8 = style_is_utf8(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG"));
	now.has_colours = is_terminal && style_has_colours(getenv("NO_COLOR"), getenv("TERM"));
	now.columns = is_terminal ? read_columns() : 0;
}

const char *style(Style style)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "\033[0m",
		[STYLE_BOLD] = "\033[1m",
		[STYLE_GREEN] = "\033[32m",
		[STYLE_YELLOW] = "\033[33m",
		[STYLE_RED] = "\033[31m",
	};

	return now.has_colours ? codes[style] : "";
}

const char *style_mark(Mark mark)
{
	static const char *const marks[][2] = {
		[MARK_DOT] = {"*", "●"},
		[MARK_MORE] = {"...", "…"},
	};

	return marks[mark][now.is_utf8];
}

size_t style_columns(void)
{
	return now.columns;
}

size_t style_width(const char *text)
{
	size_t width = 0;

	while (*text) {
		if (*text == '\033')
			text += strcspn(text, "m");
		else if (((unsigned char)*text & 0xc0) != 0x80)
			width++;
		text += *text != '\0';
	}
	return width;
}
