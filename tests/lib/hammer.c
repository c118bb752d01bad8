/* SPDX-License-Identifier: Apache-2.0 */
/* hammer: opens and reads a file again and again while somebody replaces what it shows.
 *
 *     hammer FILE STATE STOP
 *
 * STATE is a mapped file of two 64-bit counters: the number that a switch in flight will show, and
 * the number that the last finished switch shows. A read that began after a switch had returned,
 * and ended before the next began, must show that switch's number; any read must show a number at
 * all. Ends when STOP exists and prints reads, failures and stale reads. */
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

int main(int argc, char **argv)
{
	unsigned long long reads = 0, failures = 0, stale = 0;
	struct stat st;
	State *state;
	int fd;

	if (argc != 4)
		return 64;
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	state = mmap(NULL, sizeof(*state), PROT_READ, MAP_SHARED, fd, 0);
	if (state == MAP_FAILED)
		return 1;
	while (reads % 64 != 0 || stat(argv[3], &st) < 0) {
		uint64_t finished = state->finished;
		char text[32] = "";
		int file = open(argv[1], O_RDONLY | O_CLOEXEC);

		reads++;
		if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
			failures++;
		else if (state->started == finished && strtoull(text, NULL, 10) != finished)
			stale++;
		if (file >= 0)
			close(file);
	}
	printf("%llu %llu %llu\n", reads, failures, stale);
	return 0;
}
