/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Deb: Debian binary packages (deb(5)) as input, read with libarchive. */
#include <stddef.h>

#include "base/reason.h"

/* Unpacks the files of a package below `folder`, with owners, modes and attributes. Works from
 * within the folder, so no other thread may use relative paths meanwhile. */
int deb_unpack(const char *package, const char *folder, Reason *reterr_reason);

/* Refuses a package whose maintainer scripts or triggers would make files on the machine that the
 * improvement does not carry (grafting rule 6). -EINVAL with the reason. */
int deb_check_scripts(const char *package, Reason *reterr_reason);
