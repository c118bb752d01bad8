/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define NOBODY                65534
#define LANDLOCK_ABI_TRUNCATE 3
#define ACCESS_FS_TRUNCATE    (1ULL << 14) /* the headers of Debian 12 lack it */

static int become_user(Reason *reason)
{
	const struct passwd *entry;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;

	if (geteuid() != 0)
		return 0;
	entry = getpwnam(CONFINE_USER);
	if (entry) {
		uid = entry->pw_uid;
		gid = entry->pw_gid;
	}
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return reason_errno(reason, -errno, "cannot become the user %s", CONFINE_USER);
	return 0;
}

/* Every way to write, make or remove is handled, and no rule allows any. ABI 1 is of Linux 5.13,
 * ABI 3, which knows truncate(), of 6.2. */
static int forbid_writing(Reason *reason)
{
	struct landlock_ruleset_attr attributes = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
			LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
			LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
			LANDLOCK_ACCESS_FS_EXECUTE,
	};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	_cleanup_fd_ int ruleset = -1;

	if (abi < 0)
		return CONFINE_BY_USER_ALONE;
	if (abi >= LANDLOCK_ABI_TRUNCATE)
		attributes.handled_access_fs |= ACCESS_FS_TRUNCATE;
	ruleset = (int)syscall(
		SYS_landlock_create_ruleset, &attributes, sizeof(attributes.handled_access_fs), 0);
	if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return reason_errno(reason, -errno, "cannot give up the right to write");
	return 0;
}

int confine(Reason *reterr_reason)
{
	int r = become_user(reterr_reason);

	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return reason_errno(reterr_reason, -errno, "cannot give up new privileges");
	return forbid_writing(reterr_reason);
}
