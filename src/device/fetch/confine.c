/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/confine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/landlock.h"

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

int confine(Reason *reterr_reason)
{
	static const char *const nothing[] = {NULL};
	int r = become_user(reterr_reason);

	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return reason_errno(reterr_reason, -errno, "cannot give up new privileges");
	return landlock_forbid_writing(nothing, true, reterr_reason);
}
