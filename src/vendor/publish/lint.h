/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lint: what may not become an improvement (rules 1 and 6 of grafting). Each refusal is one
 * sentence that names the file and what to do instead.
 *
 *   - a change outside the component's files, or outside its graft directories
 *   - a change of the machine-read identity, of /etc, or of Suture's own files
 *   - a new soname, and files derived from others (caches, indexes, module lists)
 *   - a changed Python source whose compiled form is not changed with it
 *   - a folder whose mode or owner changes; devices, sockets; a file that becomes a folder
 */
#include "vendor/publish/changes.h"
#include "vendor/publish/component.h"

/* Checks all changes and drops those that the vendor said do not matter, and new folders (the image
 * makes them). 0, or -EINVAL with the reason. -ENODATA when nothing is left. */
int lint_changes(const Component *component, const Components *components, const char *old_root,
	const char *new_root, Changes *changes, Reason *reterr_reason);
