/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lines.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

int lines_bad(const Lines *lines, const char *text)
{
	return reason_set(
		lines->reason, -EBADMSG, "%s: line %u: %s", lines->what, lines->number, text);
}

static int expected(const Lines *lines, const char *key)
{
	return reason_set(lines->reason, -EBADMSG, "%s: line %u: '%s' is expected here",
		lines->what, lines->number, key);
}

bool lines_next_is(const Lines *lines, const char *key)
{
	size_t length = strlen(key);

	return strncmp(lines->next, key, length) == 0 &&
		(lines->next[length] == ' ' || lines->next[length] == '\n');
}

char *lines_any(Lines *lines)
{
	char *line = lines->next, *end = strchr(line, '\n');

	lines->number++;
	if (!end)
		return NULL;
	*end = '\0';
	lines->next = end + 1;
	return line;
}

int lines_take(Lines *lines, const char *key, char **ret_value)
{
	size_t length = strlen(key);
	char *line = lines_any(lines);

	if (!line || strncmp(line, key, length) != 0 || line[length] != ' ' || !line[length + 1])
		return expected(lines, key);
	*ret_value = line + length + 1;
	return 0;
}

int lines_take_word(Lines *lines, const char *word)
{
	const char *line = lines_any(lines);

	return line && strcmp(line, word) == 0 ? 0 : expected(lines, word);
}

int lines_end(const Lines *lines)
{
	if (*lines->next == '\0')
		return 0;
	return reason_set(lines->reason, -EBADMSG, "%s: line %u: nothing is expected here",
		lines->what, lines->number + 1);
}
