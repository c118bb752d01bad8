/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * BaseRun: a view of the machine without grafts, for what has to copy the base or build from it:
 * backup, cloning, an initramfs. Tools that stop at file systems (cp -x, tar --one-file-system)
 * would leave out whole graft directories, and others would take an improvement for the base.
 */
#include "base/reason.h"

/* Moves this process into a mount namespace of its own and takes all grafts off there, /run/suture
 * too. The other processes keep theirs, and nothing that is mounted later on either side shows on
 * the other. No lock is taken: nothing is changed that anybody else sees. */
int base_run_enter(const char *root, unsigned features, Reason *reterr_reason);
