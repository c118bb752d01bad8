/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Style: how text for people looks on standard output. Colours are for terminals alone; marks that
 * are not ASCII only where the locale is UTF-8; both are decided once, by style_open().
 *
 *     style_open();
 *     printf("%s%s%s healthy\n", style(STYLE_GREEN), style_mark(MARK_DOT), style(STYLE_PLAIN));
 *
 * NO_COLOR (no-color.org) and TERM=dumb turn colours off. Before style_open() there are none.
 */
#include <stdbool.h>
#include <stddef.h>

typedef enum Style { STYLE_PLAIN, STYLE_BOLD, STYLE_GREEN, STYLE_YELLOW, STYLE_RED } Style;
typedef enum Mark { MARK_DOT, MARK_MORE } Mark;

void style_open(void);

const char *style(Style style);    /* what switches it on, or "" */
const char *style_mark(Mark mark); /* "●" or "*", "…" or "..." */

/* Of the terminal; 0: standard output is none, and lines are as long as they are. */
size_t style_columns(void);

/* Pure: whether these values of LC_ALL, LC_CTYPE and LANG, which may be NULL, name UTF-8. The
 * first that is not empty counts (locale(7)). */
bool style_is_utf8(const char *all, const char *ctype, const char *lang);

/* Pure: whether a terminal with these values of NO_COLOR and TERM, which may be NULL, gets colours.
 */
bool style_has_colours(const char *no_color, const char *term);

/* Columns that a text takes: characters of UTF-8, without what switches styles. */
size_t style_width(const char *text);
