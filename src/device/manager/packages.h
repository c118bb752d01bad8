/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Packages: hosts whose base a package manager may change. Suture is for bases that are read-only;
 * on any other the package manager fails on what is grafted, or changes the base under it, unless
 * it takes the grafts off meanwhile: that is what the hook of data/apt is for (grafting rule 19).
 */
#include <stdbool.h>

#include "device/store/store.h"
#include "wire/improvement/index.h"

#define PACKAGES_HOOK "etc/apt/apt.conf.d/80suture"

/* "dpkg" or "rpm" when its database below the root has packages in it, else NULL. */
const char *packages_manager(const Store *store);

/* Whether the base's directory, which may be grafted over, is on a file system that can be written.
 */
bool packages_may_change(const Store *store, const char *directory);

/* -EBUSY when a directory of the improvement is a package manager's and there is no hook. */
int packages_check(const Store *store, const Improvement *improvement, Reason *reterr_reason);
