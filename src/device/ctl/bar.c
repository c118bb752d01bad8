/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/bar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30

void bar_start(Bar *bar)
{
	*bar = (Bar){.is_terminal = isatty(STDERR_FILENO)};
}

static const char *verb_of(const char *phase)
{
	return strcmp(phase, "download") == 0 ? "Downloading" : "Applying";
}

static void draw(const char *phase, const char *component, uint64_t done, uint64_t total)
{
	unsigned percent = total > 0 ? (unsigned)(done * 100 / total) : 100;
	unsigned filled = percent * BAR_WIDTH / 100;
	char cells[BAR_WIDTH + 1];

	memset(cells, ' ', BAR_WIDTH);
	memset(cells, '=', filled);
	cells[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%-11s %-16.16s [%s] %3u%%  %" PRIu64 " kB ", verb_of(phase), component,
		cells, percent, (done + 1023) / 1024);
	fflush(stderr);
}

void bar_update(
	void *context, const char *phase, const char *component, uint64_t done, uint64_t total)
{
	Bar *bar = context;

	if (bar->is_terminal) {
		if (done > total)
			done = total;
		draw(phase, component, done, total);
		bar->is_drawn = true;
	} else if (strcmp(bar->phase, phase) != 0) {
		fprintf(stderr, "%s %s, %" PRIu64 " bytes\n", verb_of(phase), component, total);
	}
	snprintf(bar->phase, sizeof(bar->phase), "%s", phase);
}

void bar_end(Bar *bar)
{
	if (bar->is_drawn)
		fprintf(stderr, "\r%78s\r", "");
	bar->is_drawn = false;
}
