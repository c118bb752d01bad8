/* SPDX-License-Identifier: Apache-2.0 */
/* hammer: opens and reads a file again and again while somebody replaces what it shows.
 *
 *     hammer FILE STATE STOP [CYCLE [GAPS]]
 *
 * STATE is a mapped file of two 64-bit counters: the switch that began last and the switch that
 * returned last. Switch n shows the digit n of CYCLE, which begins with 0 and repeats; "21", if
 * none is given: odd switches show "1", even ones "2". A read fails when the file cannot be read,
 * or shows what no switch shows; it is stale when it shows neither what the last switch that had
 * returned before it shows, nor any that began before its end. Bad reads in a row are a gap: its
 * nanoseconds, to the next good read, become a line of the file GAPS. Ends when STOP exists; prints
 * reads, failures, stale reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct State {
	_Atomic uint64_t started, finished;
} State;

typedef struct Counts {
	unsigned long long reads, failures, stale;
	uint64_t gap_began; /* 0: the last read was good */
	FILE *gaps;
} Counts;

/* One open and read: the digit in the file, or NUL. */
static char read_once(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[8] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 ? text[0] : '\0';
}

static bool is_shown_by(char digit, const char *cycle, uint64_t first, uint64_t last)
{
	for (uint64_t n = first; n <= last; n++)
		if (cycle[n % strlen(cycle)] == digit)
			return true;
	return false;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void mark_gap(Counts *counts, bool good)
{
	if (good && counts->gap_began && counts->gaps)
		fprintf(counts->gaps, "%llu\n", (unsigned long long)(now() - counts->gap_began));
	if (good)
		counts->gap_began = 0;
	else if (!counts->gap_began)
		counts->gap_began = now();
}

static void count_read(Counts *counts, const char *path, const State *state, const char *cycle)
{
	uint64_t finished = state->finished;
	char digit = read_once(path);
	bool known = digit && strchr(cycle, digit);
	bool good = known && is_shown_by(digit, cycle, finished, state->started);

	counts->reads++;
	counts->failures += !known;
	counts->stale += known && !good;
	if (!good || counts->gap_began)
		mark_gap(counts, good);
}

int main(int argc, char **argv)
{
	const char *cycle = argc > 4 ? argv[4] : "21";
	Counts counts = {};
	struct stat st;
	State *state;

	if (argc < 4 || argc > 6 || !*cycle)
		return 64;
	state = mmap(NULL, sizeof(*state), PROT_READ, MAP_SHARED, open(argv[2], O_RDONLY), 0);
	counts.gaps = argc > 5 ? fopen(argv[5], "w") : NULL;
	if (state == MAP_FAILED || (argc > 5 && !counts.gaps))
		return 1;
	while (counts.reads % 64 != 0 || stat(argv[3], &st) < 0)
		count_read(&counts, argv[1], state, cycle);
	printf("%llu %llu %llu\n", counts.reads, counts.failures, counts.stale);
	return counts.gaps && fclose(counts.gaps) != 0;
}
