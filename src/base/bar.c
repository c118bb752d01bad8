/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define BAR_WIDTH 30

void bar_start(Bar *bar)
{
	*bar = (Bar){.is_terminal = isatty(STDERR_FILENO)};
}

static const char *verb_of(const char *phase)
{
	static const char *const phases[] = {
		"download", "apply", "check", "activate", "restart", NULL};
	static const char *const verbs[] = {
		"Downloading", "Applying", "Checking", "Activating", "Restarting services"};
	int index = text_index(phases, phase);

	return index < 0 ? "Working" : verbs[index];
}

static void draw(const char *phase, const char *component, uint64_t done, uint64_t total)
{
	unsigned percent = total > 0 ? (unsigned)((double)done * 100 / (double)total) : 100;
	unsigned filled = percent * BAR_WIDTH / 100;
	char cells[BAR_WIDTH + 1];

	memset(cells, ' ', BAR_WIDTH);
	memset(cells, '=', filled);
	cells[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%-11s %-16.16s [%s] %3u%%  %" PRIu64 " kB ", verb_of(phase), component,
		cells, percent, (done + 1023) / 1024);
	fflush(stderr);
}

static void tell(Bar *bar, const char *phase, const char *component, uint64_t total)
{
	char words[BAR_WORDS_MAX];

	snprintf(
		words, sizeof(words), "%s%s%s", verb_of(phase), component[0] ? " " : "", component);
	if (strcmp(words, bar->told) == 0)
		return;
	printf("%s, %" PRIu64 " bytes\n", words, total);
	fflush(stdout);
	memcpy(bar->told, words, sizeof(words));
}

void bar_update(
	void *context, const char *phase, const char *component, uint64_t done, uint64_t total)
{
	Bar *bar = context;

	if (!bar->is_terminal) {
		if (total > 0) /* else it is over before a line is read */
			tell(bar, phase, component, total);
		return;
	}
	if (total > 0)
		draw(phase, component, done < total ? done : total, total);
	else
		fprintf(stderr, "\r\033[K%s… ", verb_of(phase));
	bar->is_drawn = true;
}

void bar_end(Bar *bar)
{
	if (bar->is_drawn)
		fprintf(stderr, "\r\033[K");
	bar->is_drawn = false;
}
