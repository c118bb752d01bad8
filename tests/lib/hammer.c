/* SPDX-License-Identifier: Apache-2.0 */
/* hammer: opens and reads a file again and again while somebody replaces what it shows.
 *
 *     hammer FILE STATE STOP
 *
 * STATE is a mapped file of two 64-bit counters: the switch that began last and the switch that
 * returned last. Odd switches show "1" in FILE, even ones "2", and the base shows "0", which must
 * never be seen. A read that began after a switch had returned, and ended before the next began,
 * must show what that switch shows. Ends when STOP exists; prints reads, failures, stale reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct State {
	_Atomic uint64_t started, finished;
} State;

/* One open and read: the number in the file, or 0 for a failure (and for the base). */
static unsigned read_once(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[8] = "";
	unsigned number = 0;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		number = (unsigned)atoi(text);
	if (fd >= 0)
		close(fd);
	return number;
}

int main(int argc, char **argv)
{
	unsigned long long reads = 0, failures = 0, stale = 0;
	struct stat st;
	State *state;

	if (argc != 4)
		return 64;
	state = mmap(NULL, sizeof(*state), PROT_READ, MAP_SHARED, open(argv[2], O_RDONLY), 0);
	if (state == MAP_FAILED)
		return 1;
	while (reads % 64 != 0 || stat(argv[3], &st) < 0) {
		uint64_t finished = state->finished;
		unsigned number = read_once(argv[1]);

		reads++;
		failures += number == 0;
		stale += number != 0 && state->started == finished &&
			number != (finished % 2 == 1 ? 1 : 2);
	}
	printf("%llu %llu %llu\n", reads, failures, stale);
	return 0;
}
