/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/fetch/confine.h"
#include "test.h"

/* What is given away does not come back: each look at it is in a child, whose exit code is the line
 * of what was not so. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static void in_child(int (*look)(const char *folder))
{
	const char *folder = test_folder();
	int status = 0;
	pid_t child;

	ASSERT_OK(chmod(folder, 0777));
	child = fork();
	if (child == 0)
		_exit(look(folder));
	ASSERT_EQ(waitpid(child, &status, 0), child);
	ASSERT(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		test_fail(
			__FILE__, WEXITSTATUS(status), "not so, or so without what was given away");
}

/* As on a kernel that was built without it. */
static int hide_landlock(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_SIZE(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static int look_at_the_user(const char *folder)
{
	bool was_root = geteuid() == 0;

	CHECK(confine(NULL) >= 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	if (was_root) {
		CHECK(getuid() != 0 && geteuid() != 0 && getgid() != 0);
		CHECK(getgroups(0, NULL) == 0);
		CHECK(setresuid(0, 0, 0) < 0 && setresgid(0, 0, 0) < 0);
		CHECK(open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0);
	}
	return 0;
}

TEST(root_becomes_a_user_without_a_way_back)
{
	in_child(look_at_the_user);
}

static int make_file(const char *folder, const char *name, char path[static 300])
{
	int fd;

	snprintf(path, 300, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0777);
	if (fd >= 0 && fchmod(fd, 0777) < 0)
		return -1;
	return fd;
}

/* All of it in a folder, and with files, that everybody may change. */
static int look_at_the_files(const char *folder)
{
	char path[300], other[300];
	int fd = make_file(folder, "theirs", path), r;

	CHECK(fd >= 0 && make_file(folder, "other", other) >= 0);
	r = confine(NULL);
	CHECK(r == 0 || r == LANDLOCK_IS_MISSING);
	if (r == LANDLOCK_IS_MISSING)
		return 0;
	CHECK(open(path, O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES);
	CHECK(open(path, O_RDONLY | O_CLOEXEC) >= 0);
	CHECK(unlink(path) < 0 && errno == EACCES);
	CHECK(rename(path, other) < 0 && errno == EACCES);
	CHECK(open("/tmp/suture-test-confine", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0);
	CHECK(mkdir("/tmp/suture-test-confine", 0700) < 0 && errno == EACCES);
	CHECK(symlink("x", "/tmp/suture-test-confine") < 0 && errno == EACCES);
	CHECK(mkfifo("/tmp/suture-test-confine", 0600) < 0 && errno == EACCES);
	CHECK(execl("/bin/true", "true", NULL) < 0 && errno == EACCES);
	CHECK(write(fd, "bytes", 5) == 5 && ftruncate(fd, 2) == 0); /* what a request brings */
	return 0;
}

TEST(nothing_can_be_written_made_removed_or_executed)
{
	in_child(look_at_the_files);
}

static int look_without_landlock(const char *folder)
{
	bool was_root = geteuid() == 0;
	char path[300];
	int fd = make_file(folder, "ours", path);

	CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
	CHECK(hide_landlock() == 0);
	CHECK(confine(NULL) == LANDLOCK_IS_MISSING);
	CHECK(!was_root || (geteuid() != 0 && open(path, O_RDONLY | O_CLOEXEC) < 0));
	return 0;
}

TEST(a_kernel_without_landlock_is_told_and_still_has_the_user)
{
	in_child(look_without_landlock);
}
