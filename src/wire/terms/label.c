/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/terms/label.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LETTERS 26

int label_letters(uint64_t sequence, char ret_letters[static LABEL_LETTERS_SIZE])
{
	char backwards[LABEL_LETTERS_SIZE];
	size_t n = 0;

	if (sequence > LABEL_SEQUENCE_MAX)
		return -ERANGE;
	for (; sequence > 0; sequence = (sequence - 1) / LETTERS)
		backwards[n++] = (char)('a' + (sequence - 1) % LETTERS);
	for (size_t i = 0; i < n; i++)
		ret_letters[i] = backwards[n - 1 - i];
	ret_letters[n] = '\0';
	return 0;
}

static int label_with(const char *version, uint64_t sequence, const char *before, const char *after,
	char ret_text[static LABEL_TEXT_SIZE])
{
	char letters[LABEL_LETTERS_SIZE];
	int r = label_letters(sequence, letters), n;

	if (r < 0)
		return r;
	n = snprintf(ret_text, LABEL_TEXT_SIZE, "%s%s%s%s", version, sequence > 0 ? before : "",
		letters, sequence > 0 ? after : "");
	return n < LABEL_TEXT_SIZE ? 0 : -ERANGE;
}

int label_shown(const char *version, uint64_t sequence, char ret_text[static LABEL_TEXT_SIZE])
{
	return label_with(version, sequence, " (", ")", ret_text);
}

int label_machine(const char *version, uint64_t sequence, char ret_text[static LABEL_TEXT_SIZE])
{
	return label_with(version, sequence, "-", "", ret_text);
}

int label_parse(const char *text, uint64_t *ret_sequence)
{
	size_t length = strlen(text);
	uint64_t sequence = 0;

	if (length >= 3 && text[0] == '(' && text[length - 1] == ')') {
		text++;
		length -= 2;
	}
	if (length == 0 || length >= LABEL_LETTERS_SIZE)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < 'a' || text[i] > 'z')
			return -EINVAL;
		sequence = sequence * LETTERS + (uint64_t)(text[i] - 'a' + 1);
	}
	*ret_sequence = sequence;
	return 0;
}
