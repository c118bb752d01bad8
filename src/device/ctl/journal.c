/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define JOURNALCTL "journalctl"
#define WORDS_MAX  128
#define TEXT_MAX   96

/* What is told by a unit of ours, by systemd of one, and by programs that others start. Whoever may
 * write to the journal can name himself as he likes, but not be root. */
static const char *const units[] = {"sutured.service", "suture-activate.service",
	"suture-blessed.service", "suture-facts.service", "suture-keeper.service",
	"suture-trial.service"};
/* Of the downloader there is an instance for each connection, and systemd has a slice for these. */
static const char fetch_slice[] = "system-suture\\x2dfetch.slice";
static const char *const programs[] = {"suture", "sutured", "suture-activate", "suture-fetch",
	"suture-keeper", "suture-stage", "suture-restart", "suture-trial"};

typedef struct Words {
	const char *items[WORDS_MAX + 1];
	char texts[WORDS_MAX][TEXT_MAX];
	size_t count;
} Words;

static void add(Words *words, const char *word)
{
	if (words->count < WORDS_MAX)
		words->items[words->count++] = word;
}

static void add_match(Words *words, const char *name, const char *value)
{
	char *text = words->texts[words->count];

	snprintf(text, TEXT_MAX, "%s=%s", name, value);
	add(words, text);
}

/* Matches of one group have all to fit, "+" begins another. */
static void add_matches(Words *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (i > 0)
			add(words, "+");
		add_match(words, "_SYSTEMD_UNIT", units[i]);
		add(words, "+");
		add(words, "_PID=1");
		add_match(words, "UNIT", units[i]);
	}
	add(words, "+");
	add_match(words, "_SYSTEMD_SLICE", fetch_slice);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		add(words, "+");
		add(words, "_UID=0");
		add_match(words, "SYSLOG_IDENTIFIER", programs[i]);
	}
}

int journal_show(const JournalRun *run, Reason *reterr_reason)
{
	_cleanup_free_ char *root = memory_printf("--root=%s", run->root);
	_cleanup_free_ char *since = memory_printf("--since=%s", run->since ? run->since : "");
	_cleanup_free_ char *lines = memory_printf("--lines=%d", run->limit);
	Words words = {};

	if (!root || !since || !lines)
		return -ENOMEM;
	add(&words, JOURNALCTL);
	if (strcmp(run->root, "/") != 0)
		add(&words, root);
	if (run->since)
		add(&words, since);
	if (run->limit > 0)
		add(&words, lines);
	if (run->follow)
		add(&words, "--follow");
	if (run->json)
		add(&words, "--output=json");
	add_matches(&words);
	execvp(JOURNALCTL, (char *const *)words.items);
	if (errno == ENOENT)
		return reason_set(reterr_reason, -ENOENT,
			"this machine has no journalctl; what happened is in 'suture history'");
	return reason_errno(reterr_reason, -errno, "cannot run journalctl");
}
