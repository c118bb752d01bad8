/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Text: strict numbers, and lines of a bounded text. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a decimal number without sign, blanks or leading zeros. 0, -EBADMSG, or -ERANGE when it is
 * above max. */
int text_to_u64(const char *text, uint64_t max, uint64_t *ret_number);

/* Takes the next line from *cursor (a writable, NUL-terminated text), ends it with NUL in place and
 * moves the cursor behind it. NULL at the end of the text. */
char *text_next_line(char **cursor);

/* Cuts off what is blank (spaces, tabs and carriage returns) at both ends, in place. */
char *text_trim(char *text);

bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* True when every character of the text (at least one) is in `allowed`. */
bool text_consists_of(const char *text, const char *allowed);

#define TEXT_LOWER  "abcdefghijklmnopqrstuvwxyz"
#define TEXT_DIGITS "0123456789"

/* True for text that may be shown to a person in one line: no control characters. */
bool text_is_printable(const char *text);

/* Bytes of the character that a text begins with; 0: it is a control character, or no UTF-8 as RFC
 * 3629 has it. */
size_t text_character_size(const char *text);

/* Whether a text is made of such characters: for what may stand in JSON as well. */
bool text_is_clean(const char *text);

/* Whether `text` stands in the NULL-terminated list `words`, and where. -1 when it does not. */
int text_index(const char *const *words, const char *text);
