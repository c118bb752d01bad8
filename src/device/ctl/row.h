/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Row: a line of a screen, "    Label: text", the labels of all rows in one column. On a terminal
 * long text is wrapped below its beginning; elsewhere a row is one line, for grep.
 */
#include "base/style.h"

#define ROW_LABEL_WIDTH 9

/* A label "" continues the row before. */
void row_print(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* With a mark before the label, in this style. */
void row_print_marked(Style style, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Text that begins in column `indent`, where the cursor is, wrapped on terminals. */
void row_wrap(size_t indent, const char *text);

/* "8.4 MB": with the units of drives and networks (1000), and no more digits than people need. */
#define ROW_SIZE_TEXT_SIZE 32
void row_size(long long bytes, char ret_text[static ROW_SIZE_TEXT_SIZE]);

/* The local time of "2026-11-22T05:58:42Z" (base/time.h); "" for anything else. */
#define ROW_TIME_TEXT_SIZE 40
void row_time(const char *text, char ret_text[static ROW_TIME_TEXT_SIZE]);
