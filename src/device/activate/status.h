/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Status: what is grafted, as lines of text for other programs (and readable for people):
 *
 *     current 1                             what the store says
 *     mounted 1                             what is really mounted; "mixed" when directories differ
 *     seal required                         or digest-only: what the base demands
 *     directory state=on graft=overlay generation=1 path=usr/lib/x86_64-linux-gnu
 *     cover by=overlay:sysext path=usr/lib/x86_64-linux-gnu
 *     image digest=<sha256> component=tls sealed=fs-verity backing=file
 *     held generation=1 pid=977 path=usr/lib/x86_64-linux-gnu
 *     trial generation=1 before=0 tries=1 window=60 boot-window=180 guard=on
 *     placement initrd                      where in this boot it was grafted; or: late
 *     base-asked yes                        the kernel command line asks for the base
 *     paused yes                            somebody changes the base
 *     problem <text>                        why the current generation would not be grafted now
 *     reason <text>                         why the base is shown, or what was reverted
 *
 * What was reverted is told until something else is switched to, selected, or settles, also by
 * later boots. Directories that only a generation waiting for the next boot has do not count for
 * `mounted`. `state` is on, missing (whole, or in part), leftover (an other generation), covered,
 * foreign, or stale (made over what lies below no more). `graft` is overlay, or files
 * (file-graft.h). `cover` is the type and source of the mount that covers. `sealed` tells how the
 * image was proved: fs-verity or dm-verity, the kernel verifies each read; digest, the whole file
 * was hashed through the descriptor that was mounted. `held` is an old overlay, and a process that
 * still maps it; 0: none does any more. Generation 0 is a former base. `path` is last and reaches
 * to the line's end.
 */
#include "base/buffer.h"
#include "device/activate/activation.h"

/* Appends the lines. Fails only for want of memory or of a mount table: what is wrong with the
 * store is part of the status. */
int status_print(const Activation *activation, Buffer *buffer, Reason *reterr_reason);
