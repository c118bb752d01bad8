/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/landlock.h"
#include "base/process.h"
#include "test.h"

/* What is given away does not come back: it is given away in a child, whose exit code is the line
 * of what was not so. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static int look(const char *folder)
{
	const char *except[] = {"own", "own/missing", "one-file", "/dev/null", NULL};
	const char *const words[] = {
		"/bin/sh", "-c", ": > /dev/null && ! (: > other/new) 2> /dev/null", NULL};
	_cleanup_free_ uint8_t *output = NULL;
	_cleanup_fd_ int own = -1, other = -1;
	size_t size;
	int status, r;

	CHECK(chdir(folder) == 0 && mkdir("own", 0755) == 0 && mkdir("other", 0755) == 0);
	CHECK(file_write_atomic(AT_FDCWD, "one-file", "1", 1, 0644) == 0);
	own = open("own", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	other = open("other", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = landlock_forbid_writing(except, false, NULL);
	if (r == LANDLOCK_IS_MISSING)
		return 0;
	CHECK(r == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(file_write_atomic(own, "kept", "12", 2, 0644) == 0);
	CHECK(file_write_atomic(own, "kept", "34", 2, 0644) == 0);
	CHECK(mkdir("own/below", 0755) == 0 && rename("own/kept", "own/below/kept") == 0);
	CHECK(unlink("own/below/kept") == 0);
	CHECK(file_write_atomic(other, "kept", "12", 2, 0644) == -EACCES);
	CHECK(rename("own/below", "other/below") < 0);
	CHECK(open("one-file", O_WRONLY | O_TRUNC | O_CLOEXEC) >= 0);
	CHECK(unlink("one-file") < 0 && errno == EACCES);
	CHECK(mkdir("third", 0755) < 0 && errno == EACCES);
	r = process_run(words, NULL, 0, 100, &output, &size, &status, NULL);
	CHECK(r == 0 && status == 0);
	return 0;
}

TEST(only_what_is_named_can_be_changed)
{
	const char *folder = test_folder();
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(look(folder));
	ASSERT_EQ(waitpid(child, &status, 0), child);
	ASSERT(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		test_fail(__FILE__, WEXITSTATUS(status), "not so");
}
