/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bar: progress for people, on standard error: a bar on a terminal, a line per phase elsewhere. */
#include <stdbool.h>
#include <stdint.h>

typedef struct Bar {
	bool is_terminal;
	bool is_drawn;  /* a bar stands on the present line */
	char phase[16]; /* the last one that was told */
} Bar;

void bar_start(Bar *bar);

/* A WorkerProgress; the context is the Bar. */
void bar_update(
	void *context, const char *phase, const char *component, uint64_t done, uint64_t total);
void bar_end(Bar *bar);
