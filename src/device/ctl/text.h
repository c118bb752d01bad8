/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Text: what `suture` says to people goes through _(), so that it can be translated; N_() marks a
 * text that a table holds, and _n() chooses between one and many.
 *
 * Without -Dnls=true these are the English texts themselves. With it they are gettext's, from the
 * C library (glibc has libintl inside), and text_open() has to come first. What libraries say
 * (base/reason.h), what stands in JSON, the history and the journal is English everywhere: programs
 * and those who help read it.
 */
#ifdef SUTURE_NLS
#include <libintl.h>
#include <locale.h>

#define _(text)              gettext(text)
#define _n(one, many, count) ngettext(one, many, (unsigned long)(count))

static inline void text_open(void)
{
	setlocale(LC_MESSAGES, "");
	setlocale(LC_CTYPE, "");
	bindtextdomain("suture", SUTURE_LOCALE_DIR);
	textdomain("suture");
}
#else
#define _(text)              (text)
#define _n(one, many, count) ((count) == 1 ? (one) : (many))

static inline void text_open(void)
{
}
#endif

#define N_(text) (text)
