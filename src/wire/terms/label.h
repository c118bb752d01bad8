/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Label: how a sequence is shown. 1 is "(a)", 26 "(z)", 27 "(aa)", like columns of a spreadsheet.
 * "26.3.1 (a)" is for people, `26.3.1-a` for machines; only the integer is ever compared, because
 * version comparison puts -z above -aa.
 */
#include <stdint.h>

#define LABEL_SEQUENCE_MAX 475254 /* (zzzz): four letters, one a day for 1300 years */
#define LABEL_LETTERS_SIZE 5
#define LABEL_TEXT_SIZE    96 /* a version and its letters */

/* The letters alone, "a". 0 has none: the empty text. -ERANGE above LABEL_SEQUENCE_MAX. */
int label_letters(uint64_t sequence, char ret_letters[static LABEL_LETTERS_SIZE]);

/* "26.3.1 (a)", or "26.3.1" for sequence 0. */
int label_shown(const char *version, uint64_t sequence, char ret_text[static LABEL_TEXT_SIZE]);

/* "26.3.1-a", or "26.3.1" for sequence 0. */
int label_machine(const char *version, uint64_t sequence, char ret_text[static LABEL_TEXT_SIZE]);

/* "a" or "(a)" → 1. -EINVAL for anything else. */
int label_parse(const char *text, uint64_t *ret_sequence);
