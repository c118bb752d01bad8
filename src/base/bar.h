/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bar: progress for people: a bar on standard error where that is a terminal, else a line per phase
 * on standard output, so that standard error holds nothing but errors. */
#include <stdbool.h>
#include <stdint.h>

#define BAR_WORDS_MAX 96

typedef struct Bar {
	bool is_terminal;
	bool is_drawn;            /* a bar stands on the present line */
	char told[BAR_WORDS_MAX]; /* the phase and component that were told last */
} Bar;

void bar_start(Bar *bar);

/* A WorkerProgress; the context is the Bar. */
void bar_update(
	void *context, const char *phase, const char *component, uint64_t done, uint64_t total);
void bar_end(Bar *bar);
