/* SPDX-License-Identifier: Apache-2.0 */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define ABI_REFER       2            /* Linux 5.19 */
#define ABI_TRUNCATE    3            /* Linux 6.2 */
#define ACCESS_TRUNCATE (1ULL << 14) /* the headers of Debian 12 lack it */
#define ACCESS_OF_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* Every way to write, make or remove. */
static uint64_t access_of(long abi)
{
	uint64_t access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

	if (abi >= ABI_REFER)
		access |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		access |= ACCESS_TRUNCATE;
	return access;
}

static int allow(int ruleset, const char *path, uint64_t access)
{
	_cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd, .allowed_access = access};
	struct stat status;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		rule.allowed_access &= ACCESS_OF_FILES;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		? -errno
		: 0;
}

static int restrict_self(
	const char *const *except, uint64_t access, struct landlock_ruleset_attr *attributes)
{
	_cleanup_fd_ int ruleset = (int)syscall(
		SYS_landlock_create_ruleset, attributes, sizeof(attributes->handled_access_fs), 0);
	int r = ruleset < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && except[i]; i++)
		r = allow(ruleset, except[i], access);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

int landlock_forbid_writing(
	const char *const *except, bool forbids_execution, Reason *reterr_reason)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attributes = {};
	int r;

	if (abi < 0)
		return LANDLOCK_IS_MISSING;
	attributes.handled_access_fs = access_of(abi);
	if (forbids_execution)
		attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_EXECUTE;
	r = restrict_self(except, access_of(abi), &attributes);
	return r < 0 ? reason_errno(reterr_reason, r, "cannot give up the right to write") : 0;
}
