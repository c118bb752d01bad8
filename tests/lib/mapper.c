/* SPDX-License-Identifier: Apache-2.0 */
/* mapper: a process that executes a file, as a service has a library mapped: maps it executable,
 * says so, and waits until its standard input ends. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	char byte;

	if (fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED) {
		perror("mapper");
		return 1;
	}
	close(fd);
	puts("mapped");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
