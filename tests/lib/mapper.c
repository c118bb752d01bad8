/* SPDX-License-Identifier: Apache-2.0 */
/* mapper: a process that executes files, as a service has libraries mapped.
 *
 *     mapper [OPTION…] FILE…
 *
 * First takes its options, in their order: it may leave the mount namespace, cover folders and
 * change its root. Then it maps each file executable, says "mapped", and waits; for each line that
 * it reads it maps the file named there, as dlopen() would, and says so again. It ends with its
 * standard input.
 *
 *     -s, -p        a mount namespace of its own: a slave of the first one, or private
 *     -b FROM:TO    binds a folder over another
 *     -c DIR        changes the root folder
 *     -r DIR        makes DIR the root of the mount namespace, as containers do */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	perror(what);
	exit(1);
}

static void map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	check(fd, path);
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		check(-1, path);
	close(fd);
}

static void leave_namespace(unsigned long propagation)
{
	check(unshare(CLONE_NEWNS), "unshare");
	check(mount(NULL, "/", NULL, MS_REC | propagation, NULL), "mount");
}

static void cover(char *words)
{
	char *to = strchr(words, ':');

	check(to ? 0 : -1, words);
	*to++ = '\0';
	check(mount(words, to, NULL, MS_BIND, NULL), to);
}

static void become_root(const char *folder)
{
	check(mount(folder, folder, NULL, MS_BIND | MS_REC, NULL), folder);
	check(chdir(folder), folder);
	check((int)syscall(SYS_pivot_root, ".", "."), folder);
	check(umount2(".", MNT_DETACH), folder);
	check(chdir("/"), "/");
}

static void change_root(const char *folder)
{
	check(chroot(folder), folder);
	check(chdir("/"), "/");
}

static void take(int option)
{
	if (option == 's')
		leave_namespace(MS_SLAVE);
	else if (option == 'p')
		leave_namespace(MS_PRIVATE);
	else if (option == 'b')
		cover(optarg);
	else if (option == 'c')
		change_root(optarg);
	else if (option == 'r')
		become_root(optarg);
	else
		exit(64);
}

int main(int argc, char **argv)
{
	char line[4096];

	for (int option; (option = getopt(argc, argv, "spb:c:r:")) >= 0;)
		take(option);
	for (int i = optind; i < argc; i++)
		map(argv[i]);
	puts("mapped");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		map(line);
		puts("mapped");
		fflush(stdout);
	}
	return 0;
}
