/* SPDX-License-Identifier: Apache-2.0 */
#include "device/activate/base-run.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "device/activate/activation.h"

static int leave_namespace(Reason *reterr_reason)
{
	if (unshare(CLONE_NEWNS) < 0)
		return reason_errno(reterr_reason, -errno, "a mount namespace of its own");
	/* private, not slave: the next switch would put a graft into a slave as well */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return reason_errno(reterr_reason, -errno, "making the mounts private");
	return 0;
}

int base_run_enter(const char *root, unsigned features, Reason *reterr_reason)
{
	_cleanup_(activation_freep) Activation *activation = NULL;
	ActivationResult result;
	int r = leave_namespace(reterr_reason);

	if (r == 0)
		r = activation_open(root, NULL, features, true, &activation, reterr_reason);
	return r < 0 ? r : activation_detach(activation, &result, reterr_reason);
}
