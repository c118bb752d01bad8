/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Markup: HTML (and with it the XML of AppStream) in the making. A failed call makes all later ones
 * do nothing, so that a page can be written without a check behind each line:
 *
 *     Markup markup = {.buffer = buffer};
 *     markup_raw(&markup, "<p>");
 *     markup_text(&markup, title);
 *     …
 *     return markup.error;                0 or -ENOMEM
 *
 * What vendors write is text, never markup: it is escaped. Control characters of any kind, also
 * those that reorder a line or end it, are shown as what they are: [U+202E].
 */
#include "base/buffer.h"

typedef struct Markup {
	Buffer *buffer;
	int error;
} Markup;

void markup_raw(Markup *markup, const char *text);
void markup_printf(Markup *markup, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For element content and for attribute values in double quotes. */
void markup_text(Markup *markup, const char *text);

/* The same for plain text, where nothing but control characters has to be escaped. */
int markup_plain(Buffer *buffer, const char *text);
