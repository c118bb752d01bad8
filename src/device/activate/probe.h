/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Probe: looking at processes and new overlays before anything is switched. */
#include "device/activate/graft.h"
#include "device/store/generation.h"

/* The self-test (grafting rule 5): through the mount `fd`, which will be put on `directory`, every
 * file of the image is there, every removed one is not, and one file, restricted to its owner where
 * the image has such a one, reads as the record says. An overlay carries its mounter's credentials:
 * one that lacks capabilities, or is under Landlock, fails here and not in the services. */
int probe_overlay(
	int fd, const char *directory, const GenerationImage *image, Reason *reterr_reason);

/* -ESTALE, naming a file, when what the runtime has as the base of `directory` is not what the
 * record says that the image replaces or removes. Nothing said, nothing compared. */
int probe_base(const Runtime *runtime, const char *directory, const GenerationImage *image,
	Reason *reterr_reason);

/* -EBUSY, naming a process, when one runs code of the files that this image replaces (grafting rule
 * 3, for images whose old and new parts must not meet). */
int probe_users(const Store *store, const GenerationImage *image, const char *component,
	Reason *reterr_reason);

/* -EBUSY when something is mounted below the graft's base directory in any process's mount
 * namespace: the graft would uncover what that mount hides (grafting rules 1 and 17). Namespaces
 * that another user namespace owns do not count: any user can make one. */
int probe_namespaces(const Graft *grafts, size_t count, const Runtime *runtime,
	const MountTable *table, const HeldList *held, Reason *reterr_reason);
