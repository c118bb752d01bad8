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

#define NOBODY 65534

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

/* Landlock ABI 1 (Linux 5.13): every way to write, make or remove is handled, and no rule allows
 * any. Kernels without it still have the user change. */
static void forbid_writing(void)
{
	const struct landlock_ruleset_attr attributes = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
			LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
			LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
			LANDLOCK_ACCESS_FS_EXECUTE,
	};
	_cleanup_fd_ int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

	if (ruleset >= 0)
		(void)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

int confine(Reason *reterr_reason)
{
	int r = become_user(reterr_reason);

	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return reason_errno(reterr_reason, -errno, "cannot give up new privileges");
	forbid_writing();
	return 0;
}
