/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Spool: a copy of a bundle that somebody handed over as a descriptor, where the downloader, which
 * is an unprivileged user, can read it. What it holds is verified as if it came from the network.
 */
#include "base/reason.h"

#define SPOOL_PATH "var/cache/suture" /* below the root */
#define SPOOL_SIZE_MAX                                                                             \
	((uint64_t)4 << 30) /* bytes: a bundle of full images of a desktop's parts                 \
			     */

/* *ret_path is the caller's, who removes the file. -EFBIG, -ENOSPC and others with a reason;
 * nothing is left behind then. The descriptor is read from its beginning. */
int spool_take(const char *root, int fd, char **ret_path, Reason *reterr_reason);

/* Removes what a crash left there. */
void spool_clear(const char *root);
